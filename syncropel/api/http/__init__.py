"""What every route needs: who calls, bodies, pages, streams, errors."""
