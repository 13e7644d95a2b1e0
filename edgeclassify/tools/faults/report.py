"""The table at the end of a campaign."""

from __future__ import annotations

from edgeclassify.tools.faults.campaign import Happened, Result
from edgeclassify.tools.faults.tally import USUAL_S, Gap

_AT_MOST = 10


def table(result: Result) -> list[str]:
    """Return its lines."""
    count = result.count
    rows = [f"{'what was done':<50}{'times':>7}  without classification"]
    for what in dict.fromkeys(fault.what for fault in result.faults):
        times = sum(fault.what == what for fault in result.faults)
        seconds = sum(gap.seconds for gap in count.gaps if _cause(gap, result.faults) == what)
        rows.append(f"{what:<50}{times:>7}{seconds:>10.1f} s")
    total_s = sum(gap.seconds for gap in count.gaps)
    longest_s = max((gap.seconds for gap in count.gaps), default=0.0)
    rows.append(f"{'in all':<50}{len(result.faults):>7}{total_s:>10.1f} s, the longest {longest_s:.1f} s")
    rows.append(f"(between the frames of two decisions; under {USUAL_S:g} s is usual here and not counted)")
    rows.append("")
    for what, number in (
        ("accepted (committed to the outbox)", count.accepted),
        ("delivered", count.delivered),
        ("still waiting in the outbox", len(count.waiting)),
        ("lost", len(count.lost)),
        ("doubled (same epoch and id: at least once)", count.doubled),
        ("altered (same id, another event)", len(count.altered)),
        ("out of order", len(count.disordered)),
    ):
        rows.append(f"{what:<50}{number:>7}")
    for name in ("lost", "altered", "disordered"):
        keys = getattr(count, name)[:_AT_MOST]
        rows += [f"{name}: {', '.join(f'{epoch} {number}' for epoch, number in keys)}"] if keys else []
    return rows


def _cause(gap: Gap, faults: tuple[Happened, ...]) -> str:
    before = [fault.what for fault in faults if fault.began_s <= gap.end_s]
    return before[-1] if before else ""
