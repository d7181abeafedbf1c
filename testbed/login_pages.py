"""The two pages of the demo's login provider, loudly marked as fictional."""

from collections.abc import Iterable
from html import escape
from typing import Final

from testbed.login_people import LoginPerson

STYLE: Final = """
body { font: 112.5%/1.6 system-ui, "Noto Sans", Arial, sans-serif; color: #24163a; background: #f4effa; margin: 0; }
main { max-width: 40rem; margin: 0 auto; padding: 1rem; }
.demo { background: #ffe58a; border: 3px dashed #24163a; padding: .5rem 1rem; font-weight: 700; text-align: center; margin: 0; }
.block { background: #fff; border: 1px solid #b9a8d2; border-radius: 8px; padding: 1rem; margin: 1rem 0; }
label.person { display: flex; gap: .75rem; align-items: center; min-height: 44px; }
input[type=radio] { width: 1.4rem; height: 1.4rem; flex: none; margin: 0; }
input[type=text] { font: inherit; min-height: 44px; width: 9rem; padding: .25rem .6rem; border: 2px solid #6b5a85; border-radius: 6px; }
button { font: inherit; font-weight: 600; min-height: 44px; padding: .4rem 1.2rem; border: 2px solid #4b2a86; border-radius: 6px; background: #fff; color: #4b2a86; }
button.main { background: #4b2a86; color: #fff; }
h2 { font-size: 1.2rem; margin: 0; }
fieldset { min-width: 0; }
legend { padding: 0 .4rem; }
.code { font-size: 1.4rem; letter-spacing: .15em; font-weight: 700; }
.purpose { border-left: 6px solid #4b2a86; padding-left: .75rem; }
.purpose.confirms { font-weight: 700; font-size: 1.2rem; background: #fff; border: 3px solid #4b2a86; padding: .75rem; }
.wrong { border-left: 6px solid #8f1d1d; padding-left: .75rem; font-weight: 700; }
:focus-visible { outline: 4px solid #ffb612; outline-offset: 2px; box-shadow: 0 0 0 2px #24163a; }
"""

_PAGE: Final = """<!doctype html>
<html lang="nl"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Verzonnen inlogmiddel</title><link rel="stylesheet" href="{base}/style.css"><link rel="icon" href="{base}/icon.svg" type="image/svg+xml"></head>
<body><header><p class="demo">DEMO – Dit is een verzonnen inlogmiddel. Het is geen DigiD. Niemand hier bestaat echt.</p></header>
<main><h1>{title}</h1>{body}</main></body></html>"""

#: What a login is for, as the provider says it to whoever logs in: no application can change these words.
CONFIRMS: Final = "U bevestigt een keuze over het delen van uw gegevens. Stop als u nu niets wilt kiezen."
LOOKS: Final = "U logt in om te kijken. Met deze login verandert er niets aan uw keuzes."

ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#4b2a86"/>'
    '<path d="M10 15v-4a6 6 0 0 1 12 0v4" fill="none" stroke="#fff" stroke-width="3"/><rect x="8" y="15" width="16" height="10" rx="2" fill="#fff"/></svg>'
)


def choose_person(base: str, transaction: str, code: str, people: Iterable[LoginPerson], *, confirms: bool = False, wrong: bool = False) -> str:
    """The page on which one says who one is, with the second factor in plain sight, and what the login is for."""
    rows = "".join(
        f'<label class="person"><input type="radio" name="person" value="{escape(one.key)}" required> <span>{escape(one.label)}</span></label>'
        for one in people
    )
    remark = '<p class="wrong" role="alert">Dat klopte niet. Kies een naam en typ de code over.</p>' if wrong else ""
    purpose = CONFIRMS if confirms else LOOKS
    body = f"""<p class="purpose{" confirms" if confirms else ""}">{purpose}</p>{remark}<form method="post" action="{escape(base)}/login"><input type="hidden" name="transaction" value="{escape(transaction)}">
<fieldset class="block"><legend><h2>Als wie logt u in?</h2></legend>{rows}</fieldset>
<div class="block"><h2>Tweede stap</h2><p id="hint">In het echt krijgt u een code op uw telefoon. Hier staat hij op het scherm: <span class="code">{escape(code)}</span></p>
<label>Typ de code over <input type="text" name="code" inputmode="numeric" autocomplete="one-time-code" aria-describedby="hint" required></label></div>
<p><button class="main" name="do" value="login">Log in</button> <button name="do" value="cancel" formnovalidate>Stop</button></p></form>"""
    return _PAGE.format(base=escape(base), title="Verzonnen inlogmiddel", body=body)


def refused(base: str) -> str:
    """The page for a request that no registered application makes."""
    return _PAGE.format(base=escape(base), title="Dit verzoek klopt niet", body="<p>Ga terug naar de pagina waar u vandaan kwam.</p>")
