"""The pages of the demo's health record, loudly marked as fictional: logging in, tonight's patients, choosing one."""

from collections.abc import Iterable
from html import escape
from typing import Final

from testbed.ehr_records import HOSPITAL, STAFF, EhrPatient, Staff

STYLE: Final = """
body { font: 100%/1.5 system-ui, "Noto Sans", Arial, sans-serif; color: #10281f; background: #eef4f0; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
.demo { background: #ffe58a; border: 3px dashed #10281f; padding: .4rem 1rem; font-weight: 700; text-align: center; margin: 0; }
table { border-collapse: collapse; width: 100%; background: #fff; }
caption { text-align: left; padding: .5rem 0; }
th, td { border: 1px solid #9db5a8; padding: .5rem .6rem; text-align: left; vertical-align: top; }
* { box-sizing: border-box; }
a.button, button { font: inherit; font-weight: 600; display: inline-block; padding: .4rem 1rem; min-height: 2.4rem; border: 2px solid #14532d; border-radius: 5px; }
a.button, button { background: #14532d; color: #fff; text-decoration: none; cursor: pointer; }
:focus-visible { outline: 3px solid #0b4f8a; outline-offset: 2px; }
"""

_PAGE: Final = """<!doctype html>
<html lang="nl"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Verzonnen EPD</title><link rel="stylesheet" href="/style.css"><link rel="icon" href="/icon.svg" type="image/svg+xml"></head>
<body><header><p class="demo">DEMO – Dit is een verzonnen EPD van {hospital}. Niemand hier bestaat echt.</p></header>
<main><h1>{title}</h1>{body}</main></body></html>"""

ICON: Final = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#14532d"/><path d="M13 7h6v6h6v6h-6v6h-6v-6H7v-6h6z" fill="#fff"/></svg>'


def log_in_page(transaction: str) -> str:
    """Where one proves by two factors who one is; in a demonstration a button does. The first is who works there at night."""
    doctor, *others = STAFF.values()
    people = f"<p>{escape(doctor.name)}, {escape(doctor.works_at)}</p><p>{_button(doctor, 'Log in met pas en pincode (demo)')}</p>"
    people += "".join(f"<p>{escape(one.name)}, {escape(one.works_at)}</p><p>{_button(one, f'Log in bij het {one.works_at} (demo)')}</p>" for one in others)
    body = f"""<p>U kiest hier wie u bent. In het echt gebruikt u uw pas en uw pincode.</p>
<form method="post" action="/login"><input type="hidden" name="transaction" value="{escape(transaction)}">{people}</form>"""
    return _page("Inloggen", body)


def worklist(who: Staff, patients: Iterable[tuple[EhrPatient, str]], places: str = "") -> str:
    """The patients of whoever is at work, each with the address that opens the regional dossier for them; and the one of *places*, where there is one."""
    rows = "".join(
        f"<tr><td>{escape(one.arrived)}</td><th scope='row'>{escape(one.name)}<br>{escape(one.birth_date)}</th><td>{escape(one.complaint)}</td>"
        f'<td><a class="button" href="{escape(address)}" target="_blank" rel="noopener">Open regionaal dossier</a></td></tr>'
        for one, address in patients
    )
    link = f'<p><a class="places" href="{escape(places)}" target="_blank" rel="noopener">Plekken voor patiënten</a></p>' if places else ""
    body = f"""<p>Aan het werk: {escape(who.name)}</p>{link}<table><caption>{escape(who.list)}</caption>
<thead><tr><th scope="col">Binnen</th><th scope="col">Patiënt</th><th scope="col">Klacht</th><th scope="col">Regio</th></tr></thead><tbody>{rows}</tbody></table>"""
    return _page("Werklijst", body)


def choose_patient(transaction: str, patients: Iterable[EhrPatient]) -> str:
    """Which patient, where an application asks for one."""
    rows = "".join(
        f'<p><label><input type="radio" name="patient" value="{escape(one.id)}" required> {escape(one.name)}, {escape(one.birth_date)}</label></p>'
        for one in patients
    )
    body = f"""<form method="post" action="/choose"><input type="hidden" name="transaction" value="{escape(transaction)}">
<fieldset><legend>Voor welke patiënt?</legend>{rows}</fieldset><p><button>Verder</button></p></form>"""
    return _page("Kies een patiënt", body)


def refused_page() -> str:
    """For a request that no registered application makes."""
    return _page("Dit verzoek klopt niet", "<p>Ga terug naar de werklijst.</p>")


def _button(who: Staff, words: str) -> str:
    return f'<button name="who" value="{escape(who.id)}">{escape(words)}</button>'


def _page(title: str, body: str) -> str:
    return _PAGE.format(hospital=escape(HOSPITAL), title=title, body=body)
