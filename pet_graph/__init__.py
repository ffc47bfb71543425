"""PET (Plan. Execute. Track.): the operational truth of a services firm, as a GraphQL API."""
