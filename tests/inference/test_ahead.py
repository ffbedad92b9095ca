"""Threads that work ahead: in order, bounded, and ended with whoever uses them."""

from __future__ import annotations

import threading

import pytest

from zs3.inference.ahead import THREADS, ahead


def test_results_come_in_the_order_of_the_items():
    assert [(i, f.result()) for i, f in ahead(str, range(50))] == [(i, str(i)) for i in range(50)]


def test_no_more_items_are_taken_than_fit_in_the_queue():
    taken = []
    results = ahead(str, (taken.append(i) or i for i in range(100)))
    next(results)
    assert len(taken) == 2 * THREADS + 1
    results.close()


def test_a_failure_is_that_of_its_item():
    results = [f for _, f in ahead(lambda i: 1 / i, [1, 0, 2])]
    assert results[2].result() == 0.5
    with pytest.raises(ZeroDivisionError):
        results[1].result()


def test_giving_up_ends_the_threads():
    before = threading.active_count()
    results = ahead(str, range(100))
    next(results)
    results.close()
    assert threading.active_count() == before
