"""What PyInstaller packs for a program that imports `minimax_sync`: it cannot see imports that are made by name.

The modules that serve other programs (pytest, llm, IPython) are left out, since they would bring those programs along.
"""

from __future__ import annotations

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

hiddenimports = collect_submodules(
    "minimax_sync", filter=lambda name: not name.endswith(("_plugin", ".magic", ".pyinstaller"))
)
datas = collect_data_files("minimax_sync", includes=["guide/*.rst"])
