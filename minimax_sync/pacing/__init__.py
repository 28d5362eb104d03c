"""How fast and how often requests go: retry policy, token buckets, the quota alert. Sends nothing."""
