"""What background work did: one row for every execution of a sweep, one for each part that keeps failing."""

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


class FailingPart(models.Model):
    """An account, referrer or program that failed in the last execution of a sweep, and how often on end."""

    job = models.CharField(max_length=64)
    part = models.CharField(max_length=200)
    tries = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    last_at = models.DateTimeField()
    error = models.TextField()

    class Meta:
        ordering = ["-tries", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["job", "part"], name="failing_part_once_per_job"),
        ]

    def __str__(self) -> str:
        return f"{self.part} in {self.job}, {self.tries} times"
