"""
A program file as a document: read, checked, compared, changed and written.

``parse`` turns YAML text into a plain document, ``check`` finds everything that is wrong with it or
gives it in canonical form, ``dump`` writes that as text again. The format is described in
programs/README.md.
"""

from payouts.rules.program_document.changes import changed as changed
from payouts.rules.program_document.checks import Document as Document
from payouts.rules.program_document.checks import check as check
from payouts.rules.program_document.fingerprint import fingerprint as fingerprint
from payouts.rules.program_document.problems import Problem as Problem
from payouts.rules.program_document.values import to_instant as to_instant
from payouts.rules.program_document.values import to_moment as to_moment
from payouts.rules.program_document.yaml_text import NotYaml as NotYaml
from payouts.rules.program_document.yaml_text import dump as dump
from payouts.rules.program_document.yaml_text import parse as parse
