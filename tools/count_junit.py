#!/usr/bin/env python3
"""Prints "passed failed skipped" of a JUnit XML file, as ctest and pytest write it; fails when it lists no test."""

import sys
import xml.etree.ElementTree


def count(path):
    cases = list(xml.etree.ElementTree.parse(path).iter("testcase"))
    failed = sum(c.find("failure") is not None or c.find("error") is not None or c.get("status") == "fail" for c in cases)
    skipped = sum(c.find("skipped") is not None or c.get("status") in ("notrun", "disabled") for c in cases)
    return len(cases) - failed - skipped, failed, skipped


if __name__ == "__main__":
    try:
        counts = count(sys.argv[1])
    except (OSError, xml.etree.ElementTree.ParseError) as e:
        sys.exit(f"{sys.argv[1]}: {e}")
    print(*counts)
    sys.exit(0 if sum(counts) else 1)
