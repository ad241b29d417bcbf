"""
Program files and rows: a file is read, stored as one version of a program's terms, and written again.

``read`` gives the checked document of a file, ``store`` makes rows of it and publishes them, ``export``
makes the same document of the rows. What a document may say is in payouts.rules.program_document.
"""

from payouts.program_files.files import ProgramFileRefused as ProgramFileRefused
from payouts.program_files.files import bundled as bundled
from payouts.program_files.files import read as read
from payouts.program_files.programs import ProgramUnknown as ProgramUnknown
from payouts.program_files.programs import default_host as default_host
from payouts.program_files.programs import program_named as program_named
from payouts.program_files.publication import CurrencyIsFixed as CurrencyIsFixed
from payouts.program_files.publication import StoringRefused as StoringRefused
from payouts.program_files.publication import TermsArePublished as TermsArePublished
from payouts.program_files.publication import store as store
from payouts.program_files.schedules import schedule_from_document as schedule_from_document
from payouts.program_files.schedules import schedule_from_section as schedule_from_section
from payouts.program_files.schedules import schedule_of as schedule_of
from payouts.program_files.transcript import export as export
from payouts.program_files.transcript import export_version as export_version
from payouts.program_files.transcript import latest_terms as latest_terms
from payouts.rules.program_document import Document as Document
from payouts.rules.program_document import dump

to_yaml = dump
