"""What the HTML reports share: a style, light and dark, and figures whose colours are the page's."""
