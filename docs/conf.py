"""How the documentation site is built: `make docs`."""

from docutils import nodes

from mmsteal import __version__

project = 'mmsteal'
author = 'The mmsteal authors'
copyright = author
release = version = __version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.mathjax']
source_suffix = {'.md': 'markdown'}

# Links are those of GitHub: to .md files, and to headings by the names that GitHub gives them.
myst_heading_anchors = 4
myst_enable_extensions = ['dollarmath']

html_theme = 'furo'
html_title = 'mmsteal'
html_static_path = ['_static']
html_css_files = ['site.css']
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
pygments_style = 'friendly'
default_role = 'code'  # single backticks in docstrings are names

# The signature tells the names, the docstring their types and shapes.
autodoc_typehints = 'none'
autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True, 'imported-members': True, 'show-inheritance': True}
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # an attribute may also be a property with a docstring of its own
napoleon_use_rtype = False  # words before a colon in `Returns` are not always a type
napoleon_custom_sections = ['Outputs']


def skip_member(app, what, name, member, skip, options):
    """Leave out the fields of named tuples, which `Attributes` already tells."""
    return True if type(member).__name__ == '_tuplegetter' else skip


def find_by_last_name(app, env, node, contnode):
    """Link a name that a docstring gives without its module, or with the file that defines it."""
    if node.get('refdomain') != 'py':
        return None
    domain = env.get_domain('py')
    last = node['reftarget'].rsplit('.', 1)[-1]
    found = [name for name in domain.objects if name.rsplit('.', 1)[-1] == last]
    if len(found) != 1:
        return None
    entry = domain.objects[found[0]]
    uri = app.builder.get_relative_uri(node['refdoc'], entry.docname)
    return nodes.reference('', '', contnode, internal=True, refuri=f'{uri}#{entry.node_id}')


def setup(app):
    """Register what `extensions` cannot say."""
    app.connect('autodoc-skip-member', skip_member)
    app.connect('missing-reference', find_by_last_name)
