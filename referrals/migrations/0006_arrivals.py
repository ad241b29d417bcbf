"""How a fact and the sign-up of its account take turns."""

from django.db import migrations

from referrals import arrivals


class Migration(migrations.Migration):
    dependencies = [("referrals", "0005_permissions")]

    operations = [migrations.RunPython(arrivals.install, arrivals.uninstall)]
