"""Log-ins of staff and referrers, and the groups that say what staff may do."""

from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, User

from referrals.admin.base import (
    AdminPasswordChangeForm,
    ThemedAdmin,
    UserChangeForm,
    UserCreationForm,
    register,
    site,
)

site.unregister([User, Group])


@register(User)
class UserAdmin(StockUserAdmin, ThemedAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "groups"]


@register(Group)
class GroupAdmin(StockGroupAdmin, ThemedAdmin):
    list_display = ["name"]
