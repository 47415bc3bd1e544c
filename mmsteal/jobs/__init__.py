"""Jobs over many images that can be killed and resumed: records, workers, ranks, progress."""

from mmsteal.jobs.one_run import one_run
from mmsteal.jobs.output import OutputError, check_out_dir, check_out_file, writing_to
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
    'check_out_dir',
    'check_out_file',
    'file_hash',
    'fingerprint',
    'finish_distributed',
    'join_ranks',
    'one_run',
    'present_ranks',
    'run_job',
    'writing_to',
]
