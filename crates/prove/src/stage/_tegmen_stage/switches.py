"""For the self-test: protections that are switched off, which must be noticed."""

from _tegmen_stage.gate import PLAN


def switched_off(name, *functions):
    """For the self-test: a protection that does nothing must be noticed."""

    def off(module):
        if name in PLAN.get("off", ()):
            for function in functions:
                if hasattr(module, function):
                    setattr(module, function, lambda *_: None)

    return off


def hand_on_as_it_is(module):
    if "programs" in PLAN.get("off", ()):
        module.handed_on = lambda environment: environment


def open_to_inspection(module):
    if "inspection" in PLAN.get("off", ()):
        import ctypes

        set_dumpable = 4
        ctypes.CDLL(None).prctl(set_dumpable, 1, 0, 0, 0)
