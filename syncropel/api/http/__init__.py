"""What every route needs: the caller, bodies, pages, streams, errors."""
