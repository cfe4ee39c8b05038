"""Rows, filters, times and charts: the meaning of what is drawn."""

from __future__ import annotations

import unicodedata

import pytest

from syncropel.wire import LinkOut
from tests.tui import console_sample as sample
from tui.model import charts, facts, feed, filters, fleet, layout, rows, tasks, text, threads, timeline, tree
from tui.model.arrangement import SLICE, Arrangement
from tui.model.filters import Filter
from tui.model.glyphs import ASCII, UNICODE
from tui.model.link import Link, Phase
from tui.model.moment import Moment
from tui.model.tree import Line
from tui.model.world import World
from tui.screens.frame import LEAST_WIDTH
from tui.widgets.table import GUTTER

NOW = Moment(sample.AT, sample.AT)
TABLES = {
    "tasks": tasks.TASKS,
    "instances": fleet.INSTANCES,
    "running": fleet.DISPATCHES,
    "fan-outs": fleet.FANOUTS,
    "subtasks": tree.SUBTASKS,
    "feed": feed.FEED,
    "threads": threads.THREADS,
}


@pytest.mark.parametrize(
    ("secs", "words"),
    [
        (None, "–"),
        (-3, "0s"),
        (9.9, "9s"),
        (60, "1m 00s"),
        (3605, "1h 00m"),
        (90000, "1d 1h"),
    ],
)
def test_durations(secs: float | None, words: str) -> None:
    assert text.duration(secs) == words


@pytest.mark.parametrize(
    ("secs", "words"),
    [
        (0.0000334, "33 µs"),
        (0.00124, "1.2 ms"),
        (0.0341, "34 ms"),
        (0.4, "400 ms"),
        (1.24, "1.2s"),
        (75, "1m 15s"),
    ],
)
def test_what_a_short_thing_took(secs: float, words: str) -> None:
    assert text.took(secs) == words


@pytest.mark.parametrize(
    ("secs", "words"), [(None, "–"), (-3, "<10s"), (9.9, "<10s"), (59, "50s"), (75, "1m"), (3900, "1h 05m")]
)
def test_the_age_of_what_is_well(secs: float | None, words: str) -> None:
    assert text.age(secs) == words


def test_money_and_counts_stay_short() -> None:
    assert (text.money(0.0004), text.money(0), text.money(1234.5)) == ("$0.0004", "$0.00", "$1,234.50")
    assert [text.count(one) for one in (9999, 12400, 3_100_000)] == ["9999", "12.4k", "3.1M"]


def test_foreign_text_cannot_command_the_terminal() -> None:
    assert text.first_line("\n\x1b[31mred\x07\nmore") == "[31mred …"
    assert "\u202e" not in text.plain("a\u202eb")
    assert text.plain("a\u3164b\uffa0\n\u115f\u1160") == "a b \n  ", (
        "drawn as nothing, and as wide as it likes"
    )
    unsafe = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    odd = [chr(point) for point in range(0x3000) if unicodedata.category(chr(point)) in unsafe]
    assert {text.plain(f"a{char}b") for char in odd if char not in "\t\n"} == {"a b"}
    even = "".join(chr(point) for point in range(0x3000) if unicodedata.category(chr(point)) not in unsafe)
    assert text.plain(even) == even.replace("\u115f", " ").replace("\u1160", " ")
    every = "".join(map(chr, range(0x11000)))  # more than it keeps in mind
    assert text.plain(text.plain(every)) == text.plain(every)
    assert {unicodedata.category(char) for char in text.plain(every)} & unsafe == {"Cc"}, "the line breaks"
    assert text.plain("\ta\r\nb\rc") == "    a\nb c"


def test_filters_combine_words_inverses_and_fields() -> None:
    found = fleet.instance_rows(sample.status(), NOW, UNICODE)

    def select(words: str) -> list[str]:
        chosen = filters.parse(words, ("status", "alias", "endpoint"))
        return [row.cells["alias"].text for row in found if chosen.passes(row.fields)]

    assert select("status:live !coordinator") == ["worker-a", "worker-b"]
    assert select("!status:live") == ["worker-c"]
    assert select("http://127.0.0.1:7702") == ["worker-b"], "an unknown field is a word"
    assert select("!staus:live") == select(""), "and that is said: it lets all through"
    assert filters.parse("!staus:live", ("status",)).told == "filter !staus:live · no field staus"
    assert filters.parse("http://here status:x is:trouble", ("status",)).strange == ""
    assert select('"worker-a"') == ["worker-a"]
    assert len(select("")) == 4
    assert select("! :") != ["an exception"]


def test_columns_give_way_in_the_stated_order() -> None:
    widths = {width: [one.key for one, _ in rows.fit(fleet.INSTANCES, width)] for width in (30, 78, 118, 198)}
    assert widths[30] == ["alias", "status", "beat", "load"]
    assert "endpoint" not in widths[78]
    assert "did" in widths[118]
    assert len(widths[198]) == len(fleet.INSTANCES)
    for width in range(45, 220):
        fitted = rows.fit(fleet.INSTANCES, width)
        assert sum(wide for _, wide in fitted) + rows.GAP * (len(fitted) - 1) <= width


def test_rows_sort_by_value_not_by_text() -> None:
    found = fleet.instance_rows(sample.status(), NOW, UNICODE)
    by_beat = Arrangement().arrange(found, Filter(), ("beat", True))
    assert by_beat[0].cells["alias"].text == "worker-c"
    assert list(Arrangement().arrange(found, Filter(), None)) == list(found)


def test_rows_are_made_when_they_are_looked_at() -> None:
    made: list[int] = []

    def make(place: int) -> rows.Row:
        made.append(place)
        return rows.Row(str(place), {"n": rows.Cell(str(place), order=float(place))}, {"n": str(place)})

    def look() -> rows.Rows:
        return rows.Rows(source, [str(place) for place in range(1000)], make)

    source, kept = object(), Arrangement()
    assert [row.key for row in look()[10:12]] == ["10", "11"]
    assert made == [10, 11]
    assert look()[-1].key == "999"
    with pytest.raises(IndexError):
        look()[1000]
    made.clear()
    nines = kept.arrange(look(), filters.parse("99"), ("n", True))
    assert list(nines.keys[:2]) == ["999", "998"]
    assert len(made) == 1000
    made.clear()
    assert kept.arrange(look(), filters.parse("99"), ("n", True)).keys == nines.keys
    assert made == [], "only time has passed"
    again = look()
    assert kept.arrange(again, filters.parse("998"), None).keys == ("998",)
    assert made == [], "the next letter of a filter"
    assert list(kept.arrange(again, Filter(), ("m", False)).keys) == list(again.keys)
    assert len(made) == 1000, "another order"
    assert again._made == {}, "none of them is kept"
    assert kept.arrange(again, filters.parse("7"), ("m", False))[0].key == "7"
    assert len(made) == 2001, "a filter after none, and the row that is seen"
    source = object()
    kept.arrange(look(), filters.parse("7"), ("m", False))
    assert len(made) == 3001, "another answer"


def many(source: object, made: list[int], count: int = 2 * SLICE + 1) -> rows.Rows:
    def make(place: int) -> rows.Row:
        made.append(place)
        return rows.Row(str(place), {"n": rows.Cell(str(place), order=float(place))}, {"n": str(place)})

    return rows.Rows(source, [str(place) for place in range(count)], make)


def test_many_rows_are_looked_at_slice_by_slice_while_what_was_found_before_stands() -> None:
    source, made, kept = object(), list[int](), Arrangement()
    wanted, sort = filters.parse("99"), ("n", True)
    for looked in (SLICE, 2 * SLICE, 2 * SLICE + 1):
        shown = kept.arrange(many(source, made), wanted, sort)
        assert kept.unfinished
        assert len(shown) == 2 * SLICE + 1, "nothing was found before"
        assert made == list(range(looked))
    found = kept.arrange(many(source, made), wanted, sort)
    assert (kept.unfinished, found.keys[:2]) == (False, ("1999", "1998"))
    assert len(made) == 2 * SLICE + 1, "to find them has a turn of its own"
    assert kept.arrange(many(source, made), filters.parse("999"), sort).keys == ("1999", "999")
    assert not kept.unfinished, "the next letter"
    again = kept.arrange(many(source, made), filters.parse("999"), ("m", False))
    assert (kept.unfinished, again.keys) == (True, ("1999", "999"))


def test_a_filter_typed_on_while_rows_are_looked_at_begins_with_none_of_them_again() -> None:
    source, made, kept = object(), list[int](), Arrangement()
    for letters in ("9", "99", "999"):
        kept.arrange(many(source, made), filters.parse(letters), None)
        assert kept.unfinished
    assert kept.arrange(many(source, made), filters.parse("999"), None).keys == ("999", "1999")
    assert len(made) == 2 * SLICE + 1


def test_news_that_come_faster_than_rows_are_looked_at_do_not_begin_it_again() -> None:
    made, kept, wanted = list[int](), Arrangement(), filters.parse("999")
    for _ in range(3):
        kept.arrange(many(object(), made), wanted, None)
    assert len(made) == 2 * SLICE + 1
    found = kept.arrange(many(object(), made), wanted, None)
    assert (found.keys, kept.unfinished) == (("999", "1999"), False)
    kept.arrange(many(object(), made), wanted, None)
    assert (len(made), kept.unfinished) == (3 * SLICE + 1, True), "then the newest"


def test_without_a_filter_all_is_shown_at_once_also_in_the_middle_of_a_look() -> None:
    made, kept = list[int](), Arrangement()
    kept.arrange(many(object(), made), filters.parse("9"), None)
    assert len(kept.arrange(many(object(), made), Filter(), None)) == 2 * SLICE + 1
    assert not kept.unfinished
    assert len(made) == SLICE


def test_dead_data_does_not_read_as_live() -> None:
    later = Moment(sample.AT + 60, sample.AT, live=False)
    row = fleet.instance_rows(sample.status(), later, UNICODE)[1]
    assert row.cells["status"].text == "? was live"
    assert row.cells["beat"].text == "1m 02s", "a heartbeat's age goes on"
    dispatch = fleet.dispatch_rows(sample.status(), later, UNICODE)[0]
    assert dispatch.cells["elapsed"].text == "1m", "a running time is only known until then"


def test_an_instance_with_a_backed_up_loop_says_so_and_where() -> None:
    why = "reconcile is backed up: 3 wait, th_a for 40 s"
    late = sample.instance("worker-a", backed_up=why, memory_bytes=90_000_000, memory_growth_bytes=-5_000_000)
    fine = sample.instance("worker-b")
    status = sample.status(instances=[late, fine])
    at = Moment(sample.AT, sample.AT)
    made = fleet.instance_rows(status, at, UNICODE)
    assert [made[place].cells["health"].text for place in (0, 1)] == ["backed up", "healthy"]
    told = dict(facts.instance_facts(World(status=status), late.did, at, UNICODE))
    assert (told["loops"].text, told["loops"].tone) == (why, "warn")
    assert told["memory"].text == "90.0MB, 5.0MB less than at its start"
    assert (
        not {"loops", "memory"}
        & dict(facts.instance_facts(World(status=status), fine.did, at, UNICODE)).keys()
    )


def test_a_linked_instance_shows_its_link_in_place_of_an_address() -> None:
    link = LinkOut(state="up", transport="poll", since=sample.AT - 90, heard_at=sample.AT - 3, protocol=1)
    up = sample.instance("worker-a", endpoint="link:", link=link, round_trip_secs=0.012)
    cut = LinkOut(state="down", since=sample.AT - 5, problem="it was cut")
    down = sample.instance("worker-b", endpoint="link:", link=cut)
    status, at = sample.status(instances=[up, down]), Moment(sample.AT, sample.AT)
    made = fleet.instance_rows(status, at, UNICODE)
    cells = [(made[place].cells["endpoint"].text, made[place].cells["health"].text) for place in (0, 1)]
    assert cells == [("link: up (poll, 12 ms)", "healthy"), ("link: down", "link down")]
    told = facts.instance_facts(World(status=status), up.did, at, UNICODE)
    assert ("link", Line("up for 1 min, poll, protocol 1, last byte 3 s ago")) in told
    assert ("round trip", Line("12 ms")) in told
    told = facts.instance_facts(World(status=status), down.did, at, UNICODE)
    assert ("link", Line("it was cut", "warn")) in told


def test_an_instance_says_how_it_identifies_itself_and_what_its_clock_is() -> None:
    joined = sample.instance(
        "laptop-a", credential="own", credential_at=sample.AT - 3 * 86_400, protocol=1, clock_ahead_secs=-90.0
    )
    out = sample.instance("laptop-b", credential="revoked")
    status = sample.status(instances=[joined, out])
    at = Moment(sample.AT, sample.AT)
    told = dict(facts.instance_facts(World(status=status), joined.did, at, UNICODE))
    assert told["credential"].text == "its own, 3d 0h old; protocol 1"
    assert (told["clock"].text, told["clock"].tone) == ("90 s behind", "warn")
    told = dict(facts.instance_facts(World(status=status), out.did, at, UNICODE))
    assert (told["credential"].text, told["credential"].tone) == ("revoked", "bad")


def test_tasks_that_are_stuck_say_so() -> None:
    found = tasks.task_rows(tasks.Seen(sample.tasks()), NOW, UNICODE)
    assert found[1].cells["status"].text == "‖ blocked"
    assert found[1].cells["done"].tone == "bad"
    assert [filters.parse("status:in_progress").passes(row.fields) for row in found] == [
        True,
        False,
        False,
        False,
    ]


def test_the_tree_tells_edges_workers_and_reasons() -> None:
    found = tree.subtask_rows(sample.join(), NOW, ASCII, 40)
    assert [row.cells["index"].text for row in found] == ["|-[0]", "|-[1]", "|-[2]", "|-[3]", "`-[4]"]
    assert found[3].cells["depends"].text == "0,2"
    assert found[3].cells["worker"].text == "worker-b?"
    assert found[2].cells["why"].text == "attempt 1 failed: exit status 3"


def test_columns_get_no_more_than_what_stands_in_them_can_use() -> None:
    columns = (rows.Column("a", "ALPHA", 10, grow=1), rows.Column("b", "B", 20, grow=1, drop=1))
    assert [width for _, width in rows.fit(columns, 60, {"a": 3})] == [6, 52]
    assert [width for _, width in rows.fit(columns, 60, {"a": 3, "b": 30})] == [6, 30]
    assert [width for _, width in rows.fit(columns, 12, {"b": 2})] == [12], "it gives way all the same"


@pytest.mark.parametrize("columns", TABLES.values(), ids=TABLES)
def test_numbers_are_whole_on_the_narrowest_terminal(columns: tuple[rows.Column, ...]) -> None:
    room = LEAST_WIDTH - GUTTER - 2
    fitted = rows.fit(columns, room)
    assert sum(width for _, width in fitted) + rows.GAP * (len(fitted) - 1) <= room
    assert all(width >= one.width for one, width in fitted if one.right)
    assert {one.key for one in columns if not one.drop} <= {one.key for one, _ in fitted}


def test_the_timeline_marks_the_critical_path_and_what_runs() -> None:
    join = sample.join()
    axis = timeline.Axis.shared(join, sample.AT, 40)
    drawn = [axis.bar(one, ASCII, critical=one.index in join.critical_path) for one in join.subtasks]
    assert "=" in drawn[0]
    assert "#" not in drawn[0]
    assert "#" in drawn[1]
    assert drawn[2].rstrip().endswith(">")
    assert drawn[3].strip() == ""
    assert all(len(one) == 40 for one in drawn)


@pytest.mark.parametrize("width", [0, 1, 3, 200])
def test_the_timeline_fits_any_width(width: int) -> None:
    join = sample.join(started_at=sample.AT + 99)
    axis = timeline.Axis.shared(join, sample.AT, width)
    for one in join.subtasks:
        assert len(axis.bar(one, UNICODE, critical=True)) == width
    assert len(axis.scale(join, UNICODE)) == width


def test_bars_are_full_only_when_all_is_done() -> None:
    assert charts.bar(999, 1000, 10, ASCII) == "#########."
    assert charts.bar(1, 1000, 10, ASCII) == "#........."
    assert charts.bar(0, 0, 3, ASCII) == "..."
    assert charts.bar(3, 3, 3, ASCII) == "###"


def test_rates_survive_a_restarted_daemon() -> None:
    rates = charts.Rates().sample(10, 100, 0).sample(12, 120, 3)
    assert rates.ingest == (10.0,)
    assert rates.sample(14, 5, 0).ingest == (10.0,)
    assert charts.sparkline([0, 1, 2], 5, ASCII) == "  _+#"
    assert charts.sparkline([], 3, UNICODE) == "   "


def test_sections_share_the_height() -> None:
    assert layout.share(20, [5, 30, 4]) == [5, 11, 4]
    assert sum(layout.share(5, [9, 9, 9])) <= 5
    assert layout.share(50, [3, 4]) == [3, 4]


def test_a_join_of_another_task_is_not_shown() -> None:
    world = World().choose(sample.THREAD).joined(sample.join())
    assert world.join is not None
    other = world.choose("th_other")
    assert other.join is None
    assert other.joined(sample.join()).join is None


def test_the_daemons_time_goes_on_from_its_last_answer() -> None:
    world = World().heard(sample.status(), 50.0).linked(Link(Phase.LIVE, heard_at=50.0, limit=12.5))
    assert world.moment(53.0) == Moment(sample.AT + 3, sample.AT + 3)
    assert world.moment(70.0) == Moment(sample.AT + 20, sample.AT, live=False)


def test_ascii_is_ascii_and_as_wide_as_before() -> None:
    assert ASCII.text("Überfluss 漢 → ✓") == "?berfluss ?? > +"


def test_what_waits_in_a_queue_is_not_counted_as_running() -> None:
    status = sample.empty_status(dispatches=[sample.dispatch(0), sample.dispatch(1, queued=True)])
    assert fleet.counts(status) == "1 live · 1 running · 1 queued"
