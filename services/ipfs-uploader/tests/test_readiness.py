"""Probes do not spend a provider's rate limit."""

from ipfs_uploader.readiness import Remembered


async def test_an_answer_is_asked_for_again_only_when_it_is_old() -> None:
    answers = iter(["pinata is away", None])
    now = [100.0]

    async def check() -> str | None:
        return next(answers)

    remembered = Remembered(check, seconds=30, clock=lambda: now[0])

    assert await remembered() == "pinata is away"
    now[0] = 129.9
    assert await remembered() == "pinata is away"
    now[0] = 130.0
    assert await remembered() is None
