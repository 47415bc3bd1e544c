"""Kills, full disks, hostile names and runs side by side: nothing may be lost or silently wrong."""
