"""B04 (VAT of small-scale taxpayers), B10 (education fees) and B17 (small low-profit enterprises) for OpenFisca-Core.

Written from the definitions in indicators/policies, with their facts, limits, claims, benefits and order of answers. OpenFisca knows
no missing value: what a taxpayer did not state is nothing, so there is no «cannot tell». It knows no quarter either: what is filed by the
quarter is a value of the quarter's last month.

Money is in fen, in doubles: OpenFisca's own float is one of 32 bits, which holds fen exactly up to 167,772 yuan only.
"""

import os

import numpy
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum, EnumArray
from openfisca_core.periods import DateUnit
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

FEN = 100
TOLERANCE = 1 * FEN  # by which claim and benefit may differ
NEAR = 10  # percent of a limit within which a taxpayer is near it

Taxpayer = build_entity(key="taxpayer", plural="taxpayers", label="A registered taxpayer", is_person=True)


class Answer(Enum):
    """What a policy answers; the names are Assay's."""

    not_concerned = "Not asked"
    not_due = "Not due"
    due_claimed = "Due and claimed"
    due_not_claimed = "Due, not claimed"
    under_claimed = "Claimed too little"
    over_claimed = "Claimed too much"
    claimed_not_due = "Claimed, not due"
    near_line = "Near the line"
    waived = "Given up"


class VatStatus(Enum):
    """VAT status by the register of the time."""

    unknown = "No registration of the time"
    general = "General"
    small_scale = "Small-scale"


class Money(Variable):
    """A variable in fen, exact (`EXACT`), or in OpenFisca's own 32 bits to see what these lose."""

    EXACT = True

    def __init__(self, baseline_variable=None):
        super().__init__(baseline_variable)
        if Money.EXACT:
            self.dtype = numpy.float64


def monthly(base, name, value_type, label):
    """An input variable of a month."""
    members = {"value_type": value_type, "entity": Taxpayer, "definition_period": DateUnit.MONTH, "label": label}
    return type(name, (base,), members)


FLAGS = [
    monthly(Variable, name, bool, label)
    for name, label in (
        ("small_filed", "Filed the VAT return of small-scale taxpayers"),
        ("general_filed", "Filed the VAT return of general taxpayers"),
        ("returns_loaded", "VAT returns of this month are at hand"),
        ("waived_b04", "Gave the exemption up"),
        ("cit_filed", "Filed a return of corporate income tax"),
        ("cit_restricted", "Restricted industry"),
    )
]
AMOUNTS = [
    monthly(Money, name, float, label)
    for name, label in (
        ("small_declared", "All sales declared as a small-scale taxpayer"),
        ("small_exempt", "Of these, exempt as a small firm"),
        ("small_at_3", "Of these, taxed at 3 percent"),
        ("small_at_5", "Of these, taxed at 5 percent"),
        ("small_special", "Of these, on special invoices"),
        ("general_sales", "All sales declared as a general taxpayer"),
        ("estate_sold", "Real estate sold, by invoice lines"),
        ("estate_let", "Real estate let, by invoice lines"),
        ("education_base", "Base of the education fee"),
        ("education_due", "Education fee due"),
        ("education_relief", "Relief of the education fee under its code"),
        ("local_base", "Base of the local education fee"),
        ("local_due", "Local education fee due"),
        ("local_relief", "Relief of the local education fee under its code"),
        ("cit_income", "Taxable income, year so far"),
        ("cit_assets", "Average assets"),
        ("cit_claimed", "Small low-profit relief claimed"),
        ("cit_other_rates", "Relief of high-tech firms and regions claimed"),
        ("cit_employees", "Average employees"),
    )
]


class registered_status(Variable):
    value_type = Enum
    possible_values = VatStatus
    default_value = VatStatus.unknown
    entity = Taxpayer
    definition_period = DateUnit.MONTH
    label = "VAT status on the last day of the month, by the register"


class registered_on(Variable):
    value_type = int
    default_value = 99991231
    entity = Taxpayer
    definition_period = DateUnit.ETERNITY
    label = "Day of registration as YYYYMMDD"


# ---- what the policies share ------------------------------------------------------------------------------------


class return_months(Variable):
    value_type = int
    entity = Taxpayer
    definition_period = DateUnit.MONTH
    label = "Months the VAT return covers; 0 where it cannot be said"

    def formula(taxpayer, period, parameters):
        one, two, three = (period.offset(-back, "month") for back in (1, 2, 3))
        quarter_end = period.start.month % 3 == 0
        small, before = taxpayer("small_filed", period), taxpayer("small_filed", one)
        none_two = ~taxpayer("small_filed", two)
        between = taxpayer("general_filed", one) | taxpayer("general_filed", two)
        start = one.start
        young = taxpayer("registered_on", period) >= start.year * 10000 + start.month * 100 + start.day
        return numpy.select(
            [
                ~small & quarter_end & taxpayer("general_filed", three) & ~between,
                ~small | before,
                quarter_end & none_two & taxpayer("returns_loaded", two),
                none_two & young,
            ],
            [3, 1, 3, 1],
            default=0,
        )


def span(taxpayer, period, sales, month_line):
    """Months a limit is taken for: where the return does not say, the sales do, beyond either line; else one."""
    months = taxpayer("return_months", period)
    return numpy.where(months > 0, months, numpy.where(sales > 3 * month_line, 3, 1))


def over_return(taxpayer, period, name):
    """Sum of a monthly amount over the months the return covers, not below nothing."""
    months = taxpayer("return_months", period)
    own = taxpayer(name, period)
    earlier = taxpayer(name, period.offset(-1, "month")) + taxpayer(name, period.offset(-2, "month"))
    return numpy.maximum(numpy.where(months > 0, own, 0) + numpy.where(months == 3, earlier, 0), 0)


def cents(hundredths):
    """Hundredths of a fen to fen, half away from zero; whole numbers in doubles, so exact."""
    return numpy.sign(hundredths) * numpy.floor((numpy.abs(hundredths) + 50) / 100)


def within(value, limit):
    """Whether a value lies within ten percent of its limit."""
    return numpy.abs(value - limit) * 100 <= numpy.abs(limit) * NEAR


def answered(concerned, holds, nearly, claimed, benefit, waived=None):
    """The answer; the order of the cases is the meaning."""
    waived = numpy.zeros_like(holds) if waived is None else waived
    claims = claimed > TOLERANCE
    cases = [
        (~concerned, Answer.not_concerned),
        (waived & claims, Answer.claimed_not_due),
        (waived & holds, Answer.waived),
        (~holds & claims, Answer.claimed_not_due),
        (~holds & nearly, Answer.near_line),
        (~holds, Answer.not_due),
        (claimed > benefit + TOLERANCE, Answer.over_claimed),
        (~claims & (benefit <= TOLERANCE), Answer.not_due),
        (~claims & (benefit > claimed + TOLERANCE), Answer.due_not_claimed),
        (benefit > claimed + TOLERANCE, Answer.under_claimed),
    ]
    index = numpy.select(
        [case for case, _ in cases],
        [numpy.uint8(answer.index) for _, answer in cases],
        default=numpy.uint8(Answer.due_claimed.index),
    )
    return EnumArray(index, Answer)


def at_stake(answer, claimed, benefit):
    """Fen at stake; nothing where the answer leaves nothing open."""
    index = numpy.asarray(answer)
    return numpy.select(
        [
            index == Answer.due_not_claimed.index,
            index == Answer.claimed_not_due.index,
            index == Answer.over_claimed.index,
            index == Answer.under_claimed.index,
        ],
        [benefit, claimed, claimed - benefit, benefit - claimed],
        default=0,
    )


def outcome(prefix, label, answer, claimed, benefit, end=None):
    """The four variables of a policy; `answer`, `claimed` and `benefit` are formulas."""

    def amount(taxpayer, period, parameters):
        return at_stake(*(taxpayer(f"{prefix}_{what}", period) for what in ("answer", "claimed", "benefit")))

    common = {"entity": Taxpayer, "definition_period": DateUnit.MONTH, **({"end": end} if end else {})}
    choice = {"value_type": Enum, "possible_values": Answer, "default_value": Answer.not_concerned}
    variables = [type(f"{prefix}_answer", (Variable,), {**common, **choice, "label": f"{label}: answer", **answer})]
    amounts = {"claimed": claimed, "benefit": benefit, "amount": {"formula": amount}}
    for what, formulas in amounts.items():
        members = {**common, "value_type": float, "label": f"{label}: {what}", **formulas}
        variables.append(type(f"{prefix}_{what}", (Money,), members))
    return variables


# ---- B04: small-scale taxpayers with monthly sales up to 100,000 are exempt --------------------------------------


class estate_off(Money):
    value_type = float
    entity = Taxpayer
    definition_period = DateUnit.MONTH
    label = "Real estate sold, taken off where the total is above the line"

    def formula(taxpayer, period, parameters):
        line = parameters(period).small_exempt_month * FEN * numpy.maximum(taxpayer("return_months", period), 1)
        below = taxpayer("small_declared", period) <= line
        return numpy.where(below, 0, over_return(taxpayer, period, "estate_sold"))


class estate_let_off(Money):
    value_type = float
    entity = Taxpayer
    definition_period = DateUnit.MONTH
    label = "Real estate let in the months of the return"

    def formula(taxpayer, period, parameters):
        return over_return(taxpayer, period, "estate_let")


def at_levy_rates(taxpayer, period, sales):
    """Tax at 3 percent, and at 5 on what was let."""
    return cents(3 * sales + 2 * numpy.minimum(sales, taxpayer("estate_let_off", period)))


def b04_claimed(taxpayer, period, parameters):
    return at_levy_rates(taxpayer, period, numpy.maximum(taxpayer("small_exempt", period), 0))


def b04_benefit(taxpayer, period, parameters):
    loose = sum(taxpayer(name, period) for name in ("small_at_3", "small_at_5", "small_exempt")) - taxpayer("small_special", period)
    return at_levy_rates(taxpayer, period, numpy.maximum(loose - taxpayer("estate_off", period), 0))


def b04_answer(taxpayer, period, parameters):
    filed, declared = taxpayer("small_filed", period), taxpayer("small_declared", period)
    status = numpy.asarray(taxpayer("registered_status", period))
    # Where the registration of the time is missing, the form of the return says the status.
    small = (status == VatStatus.small_scale.index) | ((status == VatStatus.unknown.index) & filed)
    line = parameters(period).small_exempt_month * FEN
    limit = line * span(taxpayer, period, declared, line)
    sales = declared - taxpayer("estate_off", period)
    below = sales <= limit
    claimed, benefit = taxpayer("b04_claimed", period), taxpayer("b04_benefit", period)
    nearly = small & (below | within(sales, limit))
    return answered(filed, small & below, nearly, claimed, benefit, taxpayer("waived_b04", period))


# ---- B10: education fees are not levied at monthly sales up to 100,000 -------------------------------------------


def b10(part):
    """Formulas of a part: the education fee, or the local one."""

    def claimed(taxpayer, period, parameters):
        return taxpayer(f"{part}_relief", period)

    def benefit(taxpayer, period, parameters):
        return taxpayer(f"{part}_due", period) + taxpayer(f"{part}_relief", period)

    def answer(taxpayer, period, parameters):
        relief = taxpayer(f"{part}_relief", period)
        concerned = (taxpayer(f"{part}_base", period) > 0) | (relief > 0)
        declared = taxpayer("small_declared", period)
        sales = numpy.where(taxpayer("small_filed", period), declared, taxpayer("general_sales", period))
        line = parameters(period).fee_exempt_month * FEN
        limit = line * span(taxpayer, period, declared, line)
        below = sales <= limit
        return answered(concerned, below, below | within(sales, limit), relief, taxpayer(f"b10_{part}_benefit", period))

    return {"formula_2016_02": answer}, {"formula_2016_02": claimed}, {"formula_2016_02": benefit}


# ---- B17: small low-profit enterprises pay 5 percent, asked at a quarter's end -----------------------------------


def b17_claimed(taxpayer, period, parameters):
    return taxpayer("cit_claimed", period)


def b17_benefit(taxpayer, period, parameters):
    # A quarter of the income counts, at 20 percent.
    percent = round(100 * (parameters(period).cit_rate - 0.25 * 0.2))
    other = numpy.where(taxpayer("cit_claimed", period) > 0, 0, taxpayer("cit_other_rates", period))
    return numpy.maximum(cents(numpy.maximum(taxpayer("cit_income", period), 0) * percent - other * 100), 0)


def b17_answer(taxpayer, period, parameters):
    law = parameters(period)
    holds = nearly = ~taxpayer("cit_restricted", period)
    limits = (("cit_income", law.micro_income), ("cit_employees", law.micro_employees), ("cit_assets", law.micro_assets))
    for name, limit in limits:
        value, limit = taxpayer(name, period), limit * FEN
        below = value <= limit
        holds, nearly = holds & below, nearly & (below | within(value, limit))
    return answered(taxpayer("cit_filed", period), holds, nearly, taxpayer("b17_claimed", period), taxpayer("b17_benefit", period))


# ---- the system -------------------------------------------------------------------------------------------------

B04 = outcome(
    "b04",
    "Exemption of small-scale taxpayers",
    {"formula_2023_01": b04_answer},
    {"formula_2023_01": b04_claimed},
    {"formula_2023_01": b04_benefit},
    end="2025-12-31",
)
B10 = [variable for part in ("education", "local") for variable in outcome(f"b10_{part}", f"Fees not levied, {part}", *b10(part))]
B17 = outcome(
    "b17",
    "Small low-profit enterprises",
    {"formula_2023_01": b17_answer},
    {"formula_2023_01": b17_claimed},
    {"formula_2023_01": b17_benefit},
    end="2027-12-31",
)
# Prefix of the variables, code and part in Assay, months between two periods.
POLICIES = (("b04", "B04", None, 1), ("b10_education", "B10", "education", 1), ("b10_local", "B10", "local_education", 1), ("b17", "B17", None, 3))


def system():
    """The tax and benefit system with all variables and dated parameters."""
    built = TaxBenefitSystem([Taxpayer])
    built.load_parameters(os.path.join(os.path.dirname(os.path.abspath(__file__)), "parameters"))
    shared = [registered_status, registered_on, return_months, estate_off, estate_let_off]
    for variable in (*FLAGS, *AMOUNTS, *shared, *B04, *B10, *B17):
        built.add_variable(variable)
    return built
