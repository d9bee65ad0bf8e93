def figure(content, path): pass
