"""A limit of requests a minute, by a clock that the test moves."""

from mint_sandbox.ipfs.ratelimit import RequestWindow


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_requests_beyond_the_limit_are_refused_until_the_window_ends() -> None:
    clock = Clock()
    window = RequestWindow(2, clock)

    assert [window.take() for _ in range(3)] == [True, True, False]
    clock.now += 59.9
    assert not window.take()
    clock.now += 0.1
    assert window.take()


def test_headers_tell_what_is_left_and_for_how_long() -> None:
    clock = Clock()
    window = RequestWindow(2, clock)
    window.take()
    clock.now += 12.5

    assert window.headers() == {
        "X-RateLimit-Limit": "2",
        "X-RateLimit-Remaining": "1",
        "X-RateLimit-Reset": "48",
    }


def test_a_refusal_says_when_to_come_back() -> None:
    window = RequestWindow(0, Clock())

    refusal = window.refusal()

    assert refusal.status == 429
    assert refusal.headers["Retry-After"] == "60"
