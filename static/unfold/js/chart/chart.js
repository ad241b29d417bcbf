// Stands in the place of the theme's chart library, 200 KB on every page: our charts are drawn by the server.
