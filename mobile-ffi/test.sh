#!/bin/sh
# Builds the library, makes its Python bindings, and runs the tests of mobile-ffi/tests
# against them. Needs cargo and python3, nothing else.
set -eu
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
bindings=$target/pimesh-ffi-python
case $(uname) in
    Darwin) library=libpimesh_ffi.dylib ;;
    *) library=libpimesh_ffi.so ;;
esac

cargo build --locked -p pimesh-ffi --features bindgen
rm -rf "$bindings"
mkdir -p "$bindings"
"$target/debug/uniffi-bindgen" generate --library "$target/debug/$library" \
    --language python --no-format --out-dir "$bindings"
cp "$target/debug/$library" "$bindings/"
PYTHONPATH=$bindings python3 -m unittest discover -v -s mobile-ffi/tests -p 'test_*.py'
