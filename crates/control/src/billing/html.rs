//! An invoice as a page that can be printed: one file, without scripts, everything in it escaped.

use std::fmt::Write as _;

use domain::ledger::{Invoice, InvoiceStatus};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;max-width:46rem;margin:3rem auto;padding:0 1rem}\
h1{font-size:1.6rem;margin:0 0 1.5rem}.parties{display:flex;justify-content:space-between;gap:2rem;margin-bottom:2rem}\
.parties div{white-space:pre-line}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0 0 2rem}\
dt{color:#666}dd{margin:0}table{width:100%;border-collapse:collapse}\
th,td{text-align:left;padding:.45rem .5rem;border-bottom:1px solid #ddd}th{color:#666;font-weight:600}\
.n{text-align:right;font-variant-numeric:tabular-nums}tfoot td{border-bottom:0;border-top:2px solid #1a1a1a;font-weight:700}\
@media print{body{margin:0;max-width:none}}";

/// An invoice as a page.
pub fn invoice_html(invoice: &Invoice) -> String {
    let mut lines = String::new();
    for line in &invoice.lines {
        // Writing to a String can't fail.
        let _ = writeln!(
            lines,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escaped(&line.server),
            escaped(&line.plan),
            escaped(&line.region),
            line.hours,
            line.amount
        );
    }
    let status = match invoice.status {
        InvoiceStatus::Paid => "paid from the balance",
        InvoiceStatus::Due => "due",
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Invoice {number}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Invoice {number}</h1>\n\
         <div class=\"parties\">\n<div>{seller}</div>\n<div>{customer}</div>\n</div>\n\
         <dl>\n<dt>Date</dt><dd>{date}</dd>\n<dt>Period</dt><dd>{period}</dd>\n<dt>Status</dt><dd>{status}</dd>\n</dl>\n\
         <table>\n<thead><tr><th>Server</th><th>Plan</th><th>Region</th><th class=\"n\">Hours</th>\
         <th class=\"n\">{currency}</th></tr></thead>\n<tbody>\n{lines}</tbody>\n\
         <tfoot><tr><td colspan=\"4\">Total</td><td class=\"n\">{total}</td></tr></tfoot>\n</table>\n</body>\n</html>\n",
        number = invoice.number,
        seller = escaped(&invoice.seller),
        customer = escaped(&invoice.customer),
        date = invoice.created_at.rfc3339().get(..10).unwrap_or_default(),
        period = invoice.period(),
        currency = escaped(&invoice.currency),
        total = invoice.total,
    )
}

/// A text that a browser shows as it is, in an element or within quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use domain::billing::Month;
    use domain::ledger::InvoiceLine;
    use domain::{Money, OrganisationId, ServerId};

    use super::*;

    const EVIL: &str = "<script>alert('x')</script>\"&";

    fn invoice() -> Invoice {
        let evil = || EVIL.to_owned();
        Invoice {
            id: 1,
            organisation_id: OrganisationId(1),
            number: 7,
            month: Month(202_703),
            lines: vec![InvoiceLine {
                server_id: ServerId(1),
                server: evil(),
                region: evil(),
                plan: evil(),
                hours: 744,
                amount: Money(4_999_999),
            }],
            total: Money(4_999_999),
            currency: evil(),
            seller: evil(),
            customer: evil(),
            status: InvoiceStatus::Paid,
            created_at: Month(202_704).begins(),
        }
    }

    #[test]
    fn whatever_a_customer_called_something_is_shown_and_not_obeyed() {
        let page = invoice_html(&invoice());
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;alert(&#39;x&#39;)").count(), 6);
    }

    #[test]
    fn an_invoice_says_what_it_is_for_and_how_much_to_the_last_unit() {
        let page = invoice_html(&invoice());
        for words in [
            "Invoice 7",
            "2027-03",
            "2027-04-01",
            "744",
            "4.999999",
            "paid",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        for reach in ["http", "src=", "url(", "@import"] {
            assert!(!page.contains(reach), "it reaches out: {reach}");
        }
    }
}
