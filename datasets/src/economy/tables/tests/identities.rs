//! Identities of accounting, to the cent.

use std::collections::HashMap;

use super::{economy, honest, table};
use crate::economy::tables::budget::Taxes;

#[test]
fn lines_of_the_general_return_follow_from_each_other() {
    let rows = table("vat_return");
    let mut seen = 0;
    for row in (0..rows.len()).filter(|row| rows.text("form", *row) == Some("general")) {
        let [output, input, opening, out, refundable, deducted] = rows.all(
            [
                "output_tax",
                "input_tax",
                "opening_credit",
                "input_transfer_out",
                "refundable_tax",
                "deducted_tax",
            ],
            row,
        );
        let [payable, closing, simple, reduction, total, extra] = rows.all(
            ["tax_payable", "closing_credit", "simple_tax", "tax_reduction", "tax_total", "extra_deduction"],
            row,
        );
        // Lines 17 to 20 and 24 of the form.
        let deductible = input + opening - out - refundable;
        assert_eq!(deducted, deductible.min(output), "line 18 of row {row}");
        assert_eq!(payable, output - deducted - extra, "line 19 of row {row}");
        assert_eq!(closing, deductible - deducted, "line 20 of row {row}");
        assert_eq!(total, payable + simple - reduction, "line 24 of row {row}");
        assert!(payable >= 0 && closing >= 0 && total >= 0 && extra >= 0, "row {row}");
        let split = rows.all(
            [
                "deducted_special_tax",
                "deducted_customs_tax",
                "deducted_agri_tax",
                "deducted_transport_tax",
                "deducted_other_tax",
            ],
            row,
        );
        assert_eq!(split.iter().sum::<i64>(), input, "schedule 2 of row {row}");
        seen += 1;
    }
    assert!(seen > 1_000, "{seen}");
}

#[test]
fn credit_is_carried_from_month_to_month() {
    let rows = table("vat_return");
    let mut last: HashMap<u32, (usize, i64)> = HashMap::new();
    let (mut seen, mut positive) = (0, 0);
    for row in (0..rows.len()).filter(|row| rows.text("form", *row) == Some("general")) {
        let month = economy().world().month_of(rows.get("period", row) as i32).unwrap();
        let [opening, closing] = rows.all(["opening_credit", "closing_credit"], row);
        if let Some((before, carried)) = last.insert(rows.firm(row), (month, closing))
            && before + 1 == month
        {
            assert_eq!(opening, carried, "row {row}");
            seen += 1;
            positive += usize::from(opening > 0);
        }
    }
    assert!(seen > 1_000 && positive > 50, "{seen} {positive}");
}

#[test]
fn honest_firms_declare_what_they_invoiced() {
    let rows = table("vat_return");
    let mut seen = 0;
    for row in (0..rows.len()).filter(|row| rows.text("form", *row) == Some("general")) {
        let firm = rows.firm(row);
        if !honest(firm) {
            continue;
        }
        let month = economy().world().month_of(rows.get("period", row) as i32).unwrap();
        let sums = economy().ledger().of(firm, month);
        let [special, ordinary, uninvoiced] =
            rows.all(["invoiced_special_sales", "invoiced_ordinary_sales", "uninvoiced_sales"], row);
        assert_eq!(special, sums.special, "row {row}");
        assert_eq!(ordinary, sums.other, "row {row}");
        let [taxable, simple] = rows.all(["taxable_sales", "simple_sales"], row);
        assert_eq!(taxable + simple, special + ordinary + uninvoiced, "row {row}");
        assert_eq!(rows.get("deducted_special_tax", row), sums.claimed_tax, "row {row}");
        seen += 1;
    }
    assert!(seen > 1_000, "{seen}");
}

#[test]
fn returns_of_small_firms_add_up() {
    let rows = table("vat_return");
    let mut seen = 0;
    for row in (0..rows.len()).filter(|row| rows.text("form", *row) == Some("small")) {
        let [simple, reduction, total] = rows.all(["simple_tax", "tax_reduction", "tax_total"], row);
        assert_eq!(total, simple - reduction, "row {row}");
        assert_eq!(rows.number("output_tax", row), None);
        assert_eq!(rows.get("period", row) % 100 % 3, 0, "a small-scale taxpayer files by quarter");
        seen += usize::from(simple > 0);
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn tax_declared_is_paid_or_owed() {
    let (returns, payments, arrears) = (table("vat_return"), table("tax_payment"), table("arrears"));
    let mut settled: HashMap<(u32, i64), i64> = HashMap::new();
    for row in (0..payments.len()).filter(|row| payments.text("tax_code", *row) == Some("vat")) {
        let kind = payments.text("kind", row).unwrap();
        if payments.text("refund_kind", row) == Some("mistaken") {
            *settled.entry((payments.firm(row), payments.get("period", row))).or_default() -=
                payments.get("amount", row);
        }
        if ["declared", "assessed", "arrears", "credit_offset"].contains(&kind) {
            *settled.entry((payments.firm(row), payments.get("period", row))).or_default() +=
                payments.get("amount", row);
        }
        assert!(payments.get("amount", row) > 0, "row {row}");
        assert_eq!(kind == "refund", payments.text("refund_kind", row).is_some(), "row {row}");
    }
    // Taken off what is to be paid: employment of veterans and of key groups.
    let claims = table("benefit_claim");
    for row in 0..claims.len() {
        if matches!(claims.text("relief_code", row), Some("0001013612" | "0001011814")) {
            *settled.entry((claims.firm(row), claims.get("period", row))).or_default() +=
                claims.get("relief", row);
        }
    }
    for row in (0..arrears.len()).filter(|row| arrears.text("tax_code", *row) == Some("vat")) {
        *settled.entry((arrears.firm(row), arrears.get("period", row))).or_default() +=
            arrears.get("amount", row);
    }
    let late = (0..payments.len()).filter(|row| payments.text("kind", *row) == Some("late_fee"));
    assert!(late.clone().count() > 50);
    for row in late {
        let due = crate::economy::tables::due::due_on(payments.get("period", row) as i32).unwrap();
        assert!(payments.get("paid_on", row) > i64::from(due), "row {row} was not late");
    }
    let (mut seen, mut owing) = (0, 0);
    for row in 0..returns.len() {
        let firm = returns.firm(row);
        let paid = settled.get(&(firm, returns.get("period", row))).copied().unwrap_or_default();
        assert_eq!(paid, returns.get("tax_total", row), "firm {firm} period {}", returns.get("period", row));
        seen += usize::from(paid > 0);
        owing += usize::from(paid > 0 && arrears.len() > 0);
    }
    assert!(seen > 500 && owing > 0, "{seen}");
}

#[test]
fn balances_balance_and_profits_follow() {
    let rows = table("financial_statement");
    for row in 0..rows.len() {
        let [assets, liabilities, equity] = rows.all(["total_assets", "total_liabilities", "equity"], row);
        assert_eq!(assets, liabilities + equity, "row {row}");
        let [operating, income, profit, tax, net] =
            rows.all(["operating_profit", "non_operating_income", "profit", "income_tax", "net_profit"], row);
        assert_eq!(net, profit - tax, "row {row}");
        assert!(profit <= operating + income, "row {row}: what is missing is non-operating expense");
        let [cash, inventory] = rows.all(["cash", "inventory"], row);
        assert!(cash >= 0 && inventory >= 0, "row {row}");
    }
}

#[test]
fn statements_of_a_year_are_the_sum_of_its_quarters_or_months() {
    let rows = table("financial_statement");
    let mut parts: HashMap<(u32, i64), i64> = HashMap::new();
    let mut years = Vec::new();
    for row in 0..rows.len() {
        let key = (rows.firm(row), rows.get("period", row) / 100);
        match rows.text("period_type", row) {
            Some("Y") => years.push((key, rows.get("revenue", row))),
            _ => *parts.entry(key).or_default() += rows.get("revenue", row),
        }
    }
    assert!(years.len() > 100);
    let differing = years.iter().filter(|(key, revenue)| parts.get(key) != Some(revenue));
    // A firm that vanished within the year and is back at its end has no statements for the months between.
    let differing: Vec<_> =
        differing.filter(|(key, _)| economy().books(key.0).iter().all(|b| !b.vanished)).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn settlements_take_prepayments_into_account() {
    let rows = table("cit_return");
    let (mut seen, mut relieved) = (0, 0);
    for row in 0..rows.len() {
        let [before, relief, due] = rows.all(["tax_before_relief", "tax_relief", "tax_due"], row);
        let reliefs = rows.all(["small_profit_relief", "high_tech_relief", "region_relief"], row);
        assert_eq!(due, before - relief, "row {row}");
        assert_eq!(reliefs.iter().sum::<i64>(), relief, "row {row}");
        assert!(due >= 0 && relief >= 0, "row {row}");
        let [taxable, rate] = rows.all(["taxable_income", "rate"], row);
        assert!((taxable.max(0) * rate / 10_000 - before).abs() <= 1, "row {row}");
        relieved += usize::from(relief > 0);
        seen += 1;
        if rows.text("period_type", row) == Some("Y") && rows.text("collection_method", row) == Some("audit")
        {
            let [profit, up, down, exempt, rd, fast, loss] = rows.all(
                [
                    "profit",
                    "adjust_up",
                    "adjust_down",
                    "exempt_income",
                    "rd_super_deduction",
                    "accelerated_depreciation",
                    "loss_offset",
                ],
                row,
            );
            assert_eq!(
                taxable,
                (profit + up - down - exempt - rd - fast - loss).max(taxable.min(0)),
                "row {row}"
            );
        }
    }
    assert!(seen > 500 && relieved > 100, "{seen} {relieved}");
}

#[test]
fn income_tax_of_a_year_is_prepaid_and_settled() {
    let (returns, payments, arrears) = (table("cit_return"), table("tax_payment"), table("arrears"));
    let mut settled: HashMap<(u32, i64), i64> = HashMap::new();
    for rows in [&payments, &arrears] {
        for row in (0..rows.len()).filter(|row| rows.text("tax_code", *row) == Some("cit")) {
            let kind = if rows.table.name == "arrears" { None } else { rows.text("kind", row) };
            if kind == Some("late_fee") {
                continue;
            }
            let back = kind == Some("refund");
            let year = (rows.firm(row), rows.get("period", row) / 100);
            *settled.entry(year).or_default() += rows.get("amount", row) * if back { -1 } else { 1 };
        }
    }
    let (mut seen, mut refunded) = (0, 0);
    for row in (0..returns.len()).filter(|row| returns.text("period_type", *row) == Some("Y")) {
        let (firm, year) = (returns.firm(row), returns.get("period", row) / 100);
        let [paid, due] =
            [settled.get(&(firm, year)).copied().unwrap_or_default(), returns.get("tax_due", row)];
        if paid > due {
            // Who does not pay its prepayments gets nothing back either.
            let owes =
                |row: &usize| arrears.firm(*row) == firm && arrears.text("tax_code", *row) == Some("cit");
            assert!((0..arrears.len()).any(|row| owes(&row)), "firm {firm} {year}: {paid} of {due}");
            refunded += 1;
        } else {
            assert_eq!(paid, due, "firm {firm} {year}");
        }
        seen += usize::from(due > 0);
    }
    assert!(seen > 100 && refunded < 5, "{seen} {refunded}");
}

#[test]
fn people_insured_are_people_paid() {
    let (payroll, insurance) = (table("payroll"), table("social_insurance"));
    let mut insured = HashMap::new();
    for row in 0..insurance.len() {
        insured.insert((insurance.firm(row), insurance.get("period", row)), insurance.get("persons", row));
        let [base, paid] = insurance.all(["base", "paid"], row);
        assert!(paid > 0 && paid < base, "row {row}");
    }
    let (mut paid, mut covered) = (0, 0);
    for row in (0..payroll.len()).filter(|row| honest(payroll.firm(*row))) {
        assert!(payroll.get("wages_zero_tax_persons", row) <= payroll.get("persons", row), "row {row}");
        paid += payroll.get("persons", row);
        covered += insured.get(&(payroll.firm(row), payroll.get("period", row))).copied().unwrap_or_default();
    }
    let share = covered as f64 / paid as f64;
    assert!((0.8..=1.1).contains(&share), "{share}");
}

#[test]
fn money_in_the_bank_comes_from_sales() {
    let rows = table("bank_flow");
    let (mut inflow, mut sales) = (0.0, 0.0);
    for row in 0..rows.len() {
        let [into, out, private_in, private_out, back] =
            rows.all(["inflow", "outflow", "private_inflow", "private_outflow", "round_trip"], row);
        assert!(
            private_in <= into && private_out <= out && back <= into + out,
            "row {row}: in {into}, of it private {private_in}; out {out}, of it private {private_out}; back {back}"
        );
        inflow += if honest(rows.firm(row)) { into as f64 } else { 0.0 };
    }
    for firm in (0..economy().world().taxpayers()).filter(|firm| honest(*firm)) {
        sales += economy().books(firm).iter().map(|book| book.truth.sales as f64).sum::<f64>();
    }
    let ratio = inflow / sales;
    assert!((0.9..1.4).contains(&ratio), "money received over sales without tax: {ratio}");
}

#[test]
fn meters_add_up_to_the_books() {
    let (power, other) = (table("electricity"), table("water_gas"));
    let mut kwh: HashMap<(u32, i64), (i64, i64)> = HashMap::new();
    for row in 0..power.len() {
        let sum = kwh.entry((power.firm(row), power.get("period", row))).or_default();
        sum.0 += power.get("kwh", row) / 100_000_000;
        sum.1 += power.get("amount", row);
    }
    assert!(other.len() > 0);
    for ((firm, period), sum) in kwh {
        let book = &economy().books(firm)[economy().world().month_of(period as i32).unwrap()];
        assert_eq!(sum, (book.power.kwh, book.power.power_cost), "firm {firm} {period}");
    }
}

#[test]
fn power_follows_the_industry() {
    let mut by_industry: HashMap<&str, (f64, f64)> = HashMap::new();
    let rows = table("electricity");
    let world = economy().world();
    for row in (0..rows.len()).filter(|row| honest(rows.firm(*row))) {
        let sum = by_industry.entry(world.industry(rows.firm(row)).code.as_str()).or_default();
        sum.0 += rows.get("kwh", row) as f64 / 1e8;
    }
    for firm in (0..world.taxpayers()).filter(|firm| honest(*firm)) {
        let sales: i64 = economy().books(firm).iter().map(|book| book.truth.sales).sum();
        by_industry.entry(world.industry(firm).code.as_str()).or_default().1 += sales as f64 / 1e6;
    }
    for industry in world.industries().iter().filter(|industry| industry.kwh > 100.0) {
        let Some((kwh, sales)) = by_industry.get(industry.code.as_str()).filter(|sum| sum.1 > 1_000.0) else {
            continue;
        };
        let ratio = kwh / sales / industry.kwh;
        assert!((0.5..2.0).contains(&ratio), "{}: {ratio}", industry.code);
    }
}

#[test]
fn exports_are_declared_alike_to_customs_and_tax_office() {
    let (customs, refunds, returns) =
        (table("customs_declaration"), table("export_refund"), table("vat_return"));
    let mut exports: HashMap<(u32, i64), f64> = HashMap::new();
    let mut by_number: HashMap<String, f64> = HashMap::new();
    for row in (0..customs.len()).filter(|row| customs.text("direction", *row) == Some("export")) {
        let period = customs.get("period", row);
        let month = economy().world().month_of(period as i32).unwrap();
        let days = economy().world().first_day(month)..economy().world().first_day(month + 1);
        assert!(days.contains(&(customs.get("declared_on", row) as i32)), "row {row}");
        let rate = match customs.text("currency", row) {
            Some("USD") => {
                super::super::customs::dollar_e4(economy().spec().seed, period as i32) as f64 / 1e4
            }
            _ => 1.0,
        };
        let yuan = customs.get("fob", row) as f64 * rate;
        *exports.entry((customs.firm(row), period)).or_default() += yuan;
        *by_number.entry(customs.text("declaration_no", row).unwrap().to_owned()).or_default() += yuan;
    }
    let mut seen = 0;
    for row in (0..returns.len()).filter(|row| honest(returns.firm(*row))) {
        let declared = returns.get("export_sales", row) as f64;
        let customs =
            exports.get(&(returns.firm(row), returns.get("period", row))).copied().unwrap_or_default();
        if returns.text("form", row) == Some("general") && declared > 0.0 {
            assert!((customs / declared - 1.0).abs() < 0.001, "row {row}: {customs} {declared}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
    assert!(refunds.len() > 10);
    let mut granted: HashMap<(u32, usize), i64> = HashMap::new();
    for row in 0..refunds.len() {
        let month = economy().world().month_of(refunds.get("period", row) as i32).unwrap();
        *granted.entry((refunds.firm(row), month)).or_default() += refunds.get("refund", row);
        let declared = by_number[refunds.text("declaration_no", row).unwrap()];
        assert!((refunds.get("fob", row) as f64 / declared - 1.0).abs() < 0.001, "row {row}");
    }
    // Line 15 of the next return is what was granted on the exports of a month.
    for row in (0..returns.len()).filter(|row| returns.text("form", *row) == Some("general")) {
        let month = economy().world().month_of(returns.get("period", row) as i32).unwrap();
        if let Some(before) = month.checked_sub(1) {
            let expected = granted.get(&(returns.firm(row), before)).copied().unwrap_or_default();
            assert_eq!(returns.get("refundable_tax", row), expected, "row {row}");
        }
    }
}

#[test]
fn plans_of_an_office_are_those_of_the_offices_below_it() {
    let rows = table("revenue_plan");
    let world = economy().world();
    let mut plans: HashMap<(&str, &str, i64, &str), i64> = HashMap::new();
    for row in 0..rows.len() {
        let text = |column| rows.text(column, row).unwrap();
        let key = (text("office_code"), text("tax_code"), rows.get("year", row), text("version"));
        plans.insert(key, rows.get("amount", row));
    }
    let mut seen = 0;
    for (index, office) in world.offices().iter().enumerate().filter(|(_, office)| office.level < 4) {
        let below: Vec<_> =
            world.offices().iter().filter(|below| below.parent == Some(index as u16)).collect();
        for (key, amount) in plans.iter().filter(|(key, _)| key.0 == office.code) {
            let parts =
                below.iter().filter_map(|below| plans.get(&(below.code.as_str(), key.1, key.2, key.3)));
            assert_eq!(parts.sum::<i64>(), *amount, "{key:?}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn shares_of_each_split_add_up_to_one() {
    let rows = table("budget_split");
    let mut shares: HashMap<(String, String, i64), i64> = HashMap::new();
    for row in 0..rows.len() {
        let text = |column| rows.text(column, row).unwrap().to_owned();
        let key = (text("tax_code"), text("region_code"), rows.get("valid_from", row));
        *shares.entry(key).or_default() += rows.get("share", row);
    }
    assert!(shares.len() >= Taxes::embedded().unwrap().all().len());
    assert!(shares.values().all(|sum| *sum == 1_000_000));
}

#[test]
fn series_of_a_region_are_those_of_its_counties() {
    let rows = table("economic_series");
    let world = economy().world();
    let mut series: HashMap<(&str, &str, i64), i64> = HashMap::new();
    for row in 0..rows.len() {
        let text = |column| rows.text(column, row).unwrap();
        series.insert((text("series"), text("region_code"), rows.get("period", row)), rows.get("value", row));
    }
    let province = world.offices()[0].region.as_str();
    let counties = crate::economy::tables::budget::counties(world);
    let mut seen = 0;
    for (key, value) in
        series.iter().filter(|(key, _)| key.1 == province && !["cpi", "usd_cny"].contains(&key.0))
    {
        let parts = counties.iter().filter_map(|county| series.get(&(key.0, *county, key.2)));
        assert_eq!(parts.sum::<i64>(), *value, "{key:?}");
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}
