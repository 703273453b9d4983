"""The stages of a project, each as a function and as a program: `python -m mmbench.stages.sweep`, in its folder.

dvc.yaml runs them; an installed package is enough, without a clone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from types import TracebackType

from mmbench.errors import UserError

GO_ON = "the next `dvc repro` goes on from here"
INTERRUPTED = 130


def _report_interrupt(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print(f"stopped; {GO_ON}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def catch_interrupts() -> None:
    """Report Ctrl-C in one line also while a stage is still importing, which is no fault to be traced."""
    sys.excepthook = _report_interrupt


def parser(about: str | None) -> argparse.ArgumentParser:
    """Of a stage's program, under the name by which it is run. about: its docstring."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = "stage" if spec is None else spec.name
    form = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog=f"python -m {name}", description=about, formatter_class=form)


def take_no_arguments(about: str | None) -> None:
    """End the program where it was given arguments: with its description for --help, or with an error. about: its
    docstring."""
    parser(about).parse_args()


def exit_code(stage: Callable[[], int], name: str) -> int:
    """Run a stage: its exit code, or 1 for a problem that a person can put right, reported line by line."""
    try:
        return stage()
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or name}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stopped; {GO_ON}", file=sys.stderr)
        return INTERRUPTED


# What `python -m` has in its place while it imports the package of a program.
if sys.argv[:1] == ["-m"]:
    catch_interrupts()
