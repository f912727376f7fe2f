"""Where Tegmen takes hold of other packages. One module for each package and subject, with ``apply(module)``, which is
called directly after a module of :data:`tegmen._imports.HOOKS` was imported."""
