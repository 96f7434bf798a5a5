"""model-signing behind the command line that the conformance suite runs.

python peer.py MODEL_SIGNING sign-model|verify-model …
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from adapter import parser  # type: ignore[import-not-found]  # run as a script, beside it


def command(script: str, line: list[str]) -> list[str]:
    said = parser().parse_args(line)
    signs = said.command == "sign-model"
    made = [script, "sign" if signs else "verify", said.method, said.model_path]
    made += ["--signature", said.output_bundle if signs else said.bundle]
    for option, value in (
        ("--private_key", said.private_key),
        ("--public_key", said.public_key),
        ("--signing_certificate", said.signing_cert),
        ("--identity", said.identity),
        ("--identity_provider", said.identity_provider),
    ):
        made += [option, value] if value else []
    made += [word for one in said.cert_chain for word in ("--certificate_chain", one)]
    made += [word for one in said.ignore_paths for word in ("--ignore-paths", one)]
    return made + ["--ignore_unsigned_files"] * said.ignore_unsigned_files


if __name__ == "__main__":
    sys.exit(subprocess.run(command(sys.argv[1], sys.argv[2:]), check=False).returncode)
