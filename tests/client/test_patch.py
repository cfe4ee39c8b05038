"""Reading a patch: no line is lost, numbers are right, and what a file contains never passes for a header."""

from __future__ import annotations

import difflib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.client.patch import DRAWN_CHARS, FileChange, Patch, quote, read_patch
from syncropel.wire.review_limits import MOST_QUOTE


def read(text: str, piece: int = 0) -> Patch:
    patch, lines = Patch(lambda line: "\x1b" in line), text.removesuffix("\n").split("\n") if text else []
    for at in range(0, len(lines), piece or len(lines) or 1):
        patch.take(lines[at : at + (piece or len(lines))])
    patch.finish()
    return patch


def head(path: str, *more: str) -> str:
    return "\n".join([f"diff --git a/{path} b/{path}", *more, ""])


def body(patch: Patch) -> list[str]:
    return [f"{one.old or ''}:{one.new or ''}:{one.whole}" for one in patch.lines]


CHANGED = (
    head("a.py", "index 1..2 100644", "--- a/a.py", "+++ b/a.py") + "@@ -1,2 +1,2 @@ def f\n one\n-two\n+2\n"
)


def test_lines_are_numbered_on_both_sides() -> None:
    patch = read(CHANGED)
    assert body(patch) == ["::a.py", "::@@ -1,2 +1,2 @@ def f", "1:1: one", "2::-two", ":2:+2"]
    assert (patch.added, patch.removed, patch.files[0].hunks) == (1, 1, [1])


@pytest.mark.parametrize(
    ("text", "path", "state", "facts"),
    [
        (head("n", "new file mode 100644", "index 0..1") + "--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n",
         "n", "added", []),
        (head("x", "new file mode 100755", "index 0..1"), "x", "added", ["it is executable"]),
        (head("l", "deleted file mode 120000", "--- a/l", "+++ /dev/null") + "@@ -1 +0,0 @@\n-to\n", "l",
         "deleted", ["it was a symbolic link"]),
        (head("s", "old mode 100644", "new mode 100755"), "s", "changed",
         ["mode 100644 → 100755 (executable)"]),
        (head("s", "old mode 100755", "new mode 100644"), "s", "changed", ["mode 100755 → 100644"]),
        ("diff --git a/old name b/new\nsimilarity index 90%\nrename from old name\nrename to new\n", "new",
         "renamed", ["renamed from old name (90% the same)"]),
        ("diff --git a/o b/d/n\nsimilarity index 100%\ncopy from o\ncopy to d/n\n", "d/n", "copied",
         ["copied from o (100% the same)"]),
        (head("p.png", "index 1..2 100644", "Binary files a/p.png and b/p.png differ"), "p.png", "changed",
         ["a binary file: its content is not shown"]),
        ('diff --git "a/\\303\\244\\t\\"\\\\" "b/\\303\\244\\t\\"\\\\"\nold mode 100644\nnew mode 100755\n',
         'ä\t"\\', "changed", ["mode 100644 → 100755 (executable)"]),
        ('diff --git "a/\\377" "b/\\377"\nindex 1..2\n', "\\xff", "changed", []),
        ("diff --git a/a b b/a b\nindex 1..2\n--- a/a b\t\n+++ b/a b\t\n", "a b", "changed", []),
        ('diff --git a/plain "b/\\303\\244"\nrename from plain\nrename to "\\303\\244"\n', "ä", "renamed",
         ["renamed from plain"]),
    ],
)  # fmt: skip
def test_what_became_of_a_file(text: str, path: str, state: str, facts: list[str]) -> None:
    (one,) = read(text).files
    assert (one.path, one.state, one.facts) == (path, state, facts)


def test_what_a_file_contains_cannot_pass_for_a_header() -> None:
    fakes = ["-- a/evil", "diff --git a/x b/x", "@@ -1 +1 @@", "\\ No newline"]
    removed = "".join(f"-{one}\n" for one in fakes)
    patch = read(head("f", "--- a/f", "+++ b/f") + f"@@ -1,4 +1 @@\n{removed}+++ b/y\n")
    assert len(patch.files) == 1
    assert [one.kind for one in patch.lines[2:]] == ["removed"] * 4 + ["added"]
    assert patch.lines[2].text == "-- a/evil"


def test_an_end_without_a_newline_is_told_where_it_is() -> None:
    text = "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n\\ No newline at end of file\n"
    patch = read(head("f", "--- a/f", "+++ b/f") + text)
    assert [one.kind for one in patch.lines] == ["file", "hunk", "removed", "mark", "added", "mark"]


@pytest.mark.parametrize(
    "text",
    [
        "no patch at all\nbut two lines\n",
        "@@ -1 +1 @@\n-a\n+b\n",
        head("f") + "@@ -1,9 +1,9 @@\n one\n" + CHANGED,
        CHANGED + "+one too many\n",
        head("f", "GIT binary patch", "literal 3", "abc"),
    ],
)
def test_what_is_not_understood_is_shown_as_it_is(text: str) -> None:
    patch = read(text)
    shown = [one.whole for one in patch.lines]
    for line in text.splitlines():
        assert line in shown or line.startswith(("diff ", "index ", "--- ", "+++ "))
    assert [one.path for one in patch.files] == [
        line.rpartition(" b/")[2] for line in text.splitlines() if line.startswith("diff ")
    ]


def test_lines_that_are_not_drawn_as_they_are_are_counted() -> None:
    far = "x" * DRAWN_CHARS + "\x1b"
    patch = read(head("f") + f"@@ -0,0 +1,4 @@\n+plain\n+esc \x1b[2K\n+{far}\n+\x1b\n")
    assert patch.files[0].altered == 2, "of a long line, only what is drawn of it counts"


def test_each_line_is_found_by_its_side_path_and_number() -> None:
    moved = "diff --git a/o b/n\nrename from o\nrename to n\n--- a/o\n+++ b/n\n@@ -4 +5 @@\n-a\n+b\n"
    odd = 'diff --git "a/\\303\\244" "b/\\303\\244"\nnew file mode 100644\n--- /dev/null\n'
    odd += '+++ "b/\\303\\244"\n@@ -0,0 +1 @@\n+--- dashes\n\\ No newline at end of file\n'
    patch = read_patch(CHANGED + moved + odd)
    assert [(*place, one.text) for one in patch.lines for place in patch.places(one)] == [
        ("old", "a.py", 1, "one"),
        ("new", "a.py", 1, "one"),
        ("old", "a.py", 2, "two"),
        ("new", "a.py", 2, "2"),
        ("old", "o", 4, "a"),
        ("new", "n", 5, "b"),
        ("new", "ä", 1, "--- dashes"),
    ]
    assert list(read_patch("odd").places(read_patch("odd").lines[0])) == []


def test_a_quoted_line_is_one_that_a_record_and_a_variable_can_hold() -> None:
    assert quote("  a\0b\r\r  ") == "a\\x00b"
    assert len(quote("x" * 5000)) == MOST_QUOTE


texts = st.lists(st.text(alphabet="ab -+@\\\r\x1b\u2028", max_size=6), max_size=12)


@given(texts, texts, st.integers(1, 7))
def test_both_sides_can_be_had_back_however_it_comes_in(
    before: list[str], after: list[str], piece: int
) -> None:
    hunks = list(difflib.unified_diff(before, after, "a/f", "b/f", lineterm="", n=len(before) + len(after)))
    patch = read("\n".join(["diff --git a/f b/f", *hunks, ""]), piece)
    told = patch.lines
    assert not [one for one in told if one.kind == "odd"]
    if hunks:
        assert [one.text for one in told if one.old is not None] == before
        assert [one.text for one in told if one.new is not None] == after
        assert [one.old for one in told if one.old is not None] == list(range(1, len(before) + 1))
        assert [one.new for one in told if one.new is not None] == list(range(1, len(after) + 1))
    for file in patch.files:
        assert [told[at].kind for at in (file.first, *file.hunks)] == ["file", *["hunk"] * len(file.hunks)]


@given(st.lists(st.sampled_from([*CHANGED.splitlines(), "", "+", "-", "@@ -1 +1 @@", "x"]), max_size=30))
def test_whatever_comes_no_line_is_lost(lines: list[str]) -> None:
    patch = read("\n".join([*lines, ""]) if lines else "")
    kept = sum(one.kind not in ("file", "fact") for one in patch.lines)
    heads = sum(line.startswith("diff ") for line in lines)
    told = sum(line.startswith(("index ", "--- ", "+++ ")) for line in lines)
    assert len(lines) - heads - told <= kept <= len(lines) - heads
    assert patch.ready == len(patch.lines)


def test_what_git_itself_writes(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.hooksPath=/dev/null")
        ran = subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
        return ran.stdout

    git("init", "-q")
    for name in ("keep me", "gone", "tab\tname", "same"):
        (tmp_path / name).write_text(f"{name}\n" * 20)
    git("add", "-A")
    git("commit", "-qm", "one")
    (tmp_path / "keep me").rename(tmp_path / "kept ü")
    (tmp_path / "gone").unlink()
    (tmp_path / "tab\tname").write_text("no end")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    (tmp_path / "empty").touch()
    git("add", "-A")
    patch = read(git("diff", "--no-color", "--cached"))

    def told(one: FileChange) -> tuple[str, str, int, int, bool]:
        return one.path, one.state, one.added, one.removed, one.is_binary

    assert sorted(map(told, patch.files)) == [
        ("bytes", "added", 0, 0, True),
        ("empty", "added", 0, 0, False),
        ("gone", "deleted", 0, 20, False),
        ("kept ü", "renamed", 0, 0, False),
        ("tab\tname", "changed", 1, 20, False),
    ]
    assert not [one for one in patch.lines if one.kind == "odd"]
