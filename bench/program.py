"""How each program here ends."""

import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn


def conduct(main: Callable[[], int | None]) -> NoReturn:
    """Runs it; what it cannot do is told in one line."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, RuntimeError, ValueError, KeyError, subprocess.SubprocessError) as error:
        print(f"bench: error: {error}", file=sys.stderr)
        sys.exit(1)
