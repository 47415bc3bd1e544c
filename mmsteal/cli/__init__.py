"""The commands: `mmsteal NAME`, `python -m mmsteal NAME`, and the scripts of `tools/`.

A command is a module here with two functions: `build_parser()`, which describes its arguments, and
`main(argv)`, which runs it. torch and the mm stack take seconds to load, so these modules import
what needs them inside of functions: `--help` and a mistyped option answer at once.
"""
