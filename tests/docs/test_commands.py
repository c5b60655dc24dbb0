"""docs/cli.md lists the commands and options that there are."""

from docs.commands import PAGE, commands_page


def test_the_page_of_commands_is_what_the_program_says() -> None:
    assert PAGE.read_text("utf-8") == commands_page(), "run `make docs` and commit docs/"
