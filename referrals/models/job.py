"""What background work did: one row for every execution of a sweep."""

from django.db import models


class JobRun(models.Model):
    """One execution of a sweep: what it examined, did, and failed at."""

    job = models.CharField(max_length=64)
    as_of = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    examined = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [
            # The jobs page asks for the last run of each job.
            models.Index(fields=["job", "-started_at"], name="job_run_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.job} at {self.started_at}"
