"""What `make site` adds to MkDocs: this folder's pages, the files they link to, and the reference of the package.

Pages keep the paths and the relative links that they have in the repository. A link to a module of `dd` leads to its
reference; one to another text file, to a page that shows it.
"""

import os
import posixpath
import re
import subprocess
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(\]\(\s*)([^)\s#]+)(#[^)\s]*)?(?=[)\s])")
COMMENT = re.compile(r"^ *<!--.*?-->$", re.MULTILINE)
SHOWN = {".py": "python", ".yaml": "yaml", ".cff": "yaml", ".json": "json"}
"""How a text file that is linked to is highlighted, by its ending."""


def tracked() -> list[str]:
    """The paths of the repository's files, from its top."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    return [path for path in listed.stdout.decode().splitlines() if (ROOT / path).is_file()]


def target(page: str, link: str) -> str:
    """What a relative link on a page leads to, from the top of the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link))


def shown(path: str) -> str:
    """The page of the site that shows a file of the repository; the file itself where it is one, or a picture."""
    if Path(path).suffix in (".md", ".png", ".svg"):
        return path
    if path.startswith("dd/") and path.endswith(".py"):
        return f"reference/{path.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}.md"
    return f"files/{path}.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add all pages and pictures, the reference of every module, and the files that pages link to."""
    paths = tracked()
    pages = [path for path in paths if path.endswith(".md") and not path.startswith((".github/", "tools/"))]
    for path in [*pages, *(path for path in paths if path.endswith((".png", ".svg")))]:
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    modules = [path for path in paths if path.startswith("dd/") and path.endswith(".py")]
    names = {shown(path): shown(path).removeprefix("reference/").removesuffix(".md") for path in modules}
    for page, name in names.items():
        files.append(
            File.generated(
                config, page, content=f"# `{name}`\n\n::: {name}\n    options: {{show_root_heading: false}}\n"
            )
        )
    listed = "\n".join(f"- [`{name}`]({posixpath.basename(page)})" for page, name in sorted(names.items()))
    files.append(File.generated(config, "reference/index.md", content=f"# Reference\n\n{listed}\n"))
    linked = {
        target(page, link) for page in pages for _, link, _ in LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    }
    for path in sorted(linked & set(paths)):
        if shown(path).startswith("files/"):
            text = (ROOT / path).read_text(encoding="utf-8")
            kind = SHOWN.get(Path(path).suffix, "text")
            files.append(File.generated(config, shown(path), content=f"# `{path}`\n\n````{kind}\n{text}\n````\n"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Lead links to the pages that show what they lead to, and leave comments out."""
    here = page.file.src_uri

    def led(found: re.Match) -> str:
        before, link, anchor = found[1], found[2], found[3] or ""
        path = target(here, link)
        if "://" in link or link.startswith("mailto:") or not (ROOT / path).is_file():
            return found[0]
        return f"{before}{os.path.relpath(shown(path), posixpath.dirname(here) or '.')}{anchor}"

    return LINK.sub(led, COMMENT.sub("\n", markdown))
