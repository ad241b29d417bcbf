"""Staff at their work: which programs are theirs, the views they have saved, whose page they looked at."""

from django.conf import settings
from django.db import models

from referrals.models.program import Program
from referrals.models.referrer import Referrer


class ProgramStaff(models.Model):
    """This person works for this program. Somebody without any such row works for all of them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="programs")
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="staff")

    class Meta:
        verbose_name_plural = "staff of programs"
        constraints = [
            models.UniqueConstraint(fields=["user", "program"], name="program_staff_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.program}"


class SavedView(models.Model):
    """A way to look at the queue that somebody has named; others see it if it is shared."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500, help_text="What stands in the address.")
    is_shared = models.BooleanField(default=False)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="saved_view_once_per_name",
                violation_error_message="You have a view of this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SeenAs(models.Model):
    """Somebody of the staff looked at a referrer's page as that referrer sees it."""

    referrer = models.ForeignKey(Referrer, on_delete=models.PROTECT, related_name="seen_by")
    seen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    seen_at = models.DateTimeField()
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "page seen as its referrer"
        verbose_name_plural = "pages seen as their referrers"

    def __str__(self) -> str:
        return f"{self.seen_by} saw the page of {self.referrer}"
