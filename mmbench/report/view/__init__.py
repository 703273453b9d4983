"""Small builders between the analysis and the page's templates: how a number is written, where a mark stands."""
