"""Jobs over many images that can be killed and resumed: records, workers, ranks, progress."""

from mmsteal.jobs.output import OutputError, writing_to
from mmsteal.jobs.ranks import Ranks, finish_distributed, join_ranks, present_ranks
from mmsteal.jobs.records import ArrayRecords, Origin, Records, file_hash, fingerprint
from mmsteal.jobs.run import Job, run_job
from mmsteal.jobs.workers import Outcome, Workers

__all__ = [
    'ArrayRecords',
    'Job',
    'Origin',
    'Outcome',
    'OutputError',
    'Ranks',
    'Records',
    'Workers',
    'file_hash',
    'fingerprint',
    'finish_distributed',
    'join_ranks',
    'present_ranks',
    'run_job',
    'writing_to',
]
