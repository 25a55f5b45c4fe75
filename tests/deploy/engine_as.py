"""Runs statements on the embedded engine as the user that a users file calls `default`, in a process of its own.

`python -m tests.deploy.engine_as CONFIG DATA` reads a JSON list of statements from standard input and prints one
JSON list of answers: text, or the code of the error that the engine raised.
"""

import json
import re
import sys
from collections.abc import Sequence

_CODE = re.compile(r"Code: (\d+)\.")


def main(config: str, data: str, statements: Sequence[str]) -> list[str | int]:
    """Return what the engine answers to each statement."""
    import chdb

    connection = chdb.connect(f"file:{data}?config-file={config}")
    answers: list[str | int] = []
    for statement in statements:
        try:
            answers.append(str(connection.query(statement, "TSVRaw")).strip())
        except RuntimeError as error:
            found = _CODE.search(str(error))
            if found is None:
                raise
            answers.append(int(found[1]))
    connection.close()
    return answers


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], json.load(sys.stdin))))
