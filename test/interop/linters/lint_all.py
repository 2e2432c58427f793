"""Runs pkilint's own commands over many files in one process: <command> <file> pairs in, one JSON object a line out."""

import contextlib
import io
import json
import sys

from pkilint.bin import lint_crl, lint_ocsp_response, lint_pkix_cert

COMMANDS = {
    "certificate": (lint_pkix_cert, []),
    "crl": (lint_crl, ["-t", "CRL", "-p", "PKIX"]),
    "ocsp": (lint_ocsp_response, []),
}

for command, file in zip(sys.argv[1::2], sys.argv[2::2]):
    module, words = COMMANDS[command]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        module.main(["lint", *words, "-f", "JSON", "-s", "NOTICE", file])
    print(json.dumps({"file": file, **json.loads(out.getvalue())}))
