"""Download data sets into this folder: python data/fetch.py mnist fashion_mnist fsdd cifar10

Files are checked by SHA-256 and put in place only when whole. The spoken digits' archive is rebuilt by its host now and then;
what is checked there is the SHA-256 over the sorted names and bytes of the recordings themselves.
"""
import hashlib
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import pooch

HERE = Path(__file__).resolve().parent
IDX = {
    'mnist': ('https://ossci-datasets.s3.amazonaws.com/mnist/', {
        'train-images-idx3-ubyte.gz': '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
        'train-labels-idx1-ubyte.gz': '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
        't10k-images-idx3-ubyte.gz': '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
        't10k-labels-idx1-ubyte.gz': 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6'}),
    'fashion_mnist': ('http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/', {
        'train-images-idx3-ubyte.gz': '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
        'train-labels-idx1-ubyte.gz': 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
        't10k-images-idx3-ubyte.gz': '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
        't10k-labels-idx1-ubyte.gz': '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5'}),
}
FSDD = ('https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aaf.zip',
        '45a9b976ba3397a2fd5c70a9f2e43c34f442a3a6be47392ecfc41174b678f37e')
CIFAR10 = ('https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz',
           '6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce')


def fetch_idx(name):
    """The four gzipped idx files of MNIST or Fashion-MNIST into data/<name>/, which is made when all four are there."""
    url, files = IDX[name]
    whole = [pooch.retrieve(url + file, known_hash=sha, path=HERE / 'cache' / name, fname=file, progressbar=True)
             for file, sha in files.items()]
    (HERE / name).mkdir(exist_ok=True)
    for path in whole:
        shutil.move(path, HERE / name / Path(path).name)


def recordings_digest(files):
    """SHA-256 over the sorted names and bytes of recordings {name: bytes}."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode())
        digest.update(files[name])
    return digest.hexdigest()


def fetch_fsdd():
    """The 3,000 recordings of the Free Spoken Digit Dataset into data/fsdd/fsdd_recordings.zip."""
    url, expected = FSDD
    target = HERE / 'fsdd' / 'fsdd_recordings.zip'
    if target.exists():
        return
    archive = pooch.retrieve(url, known_hash=None, path=HERE / 'cache', fname='fsdd_archive.zip', progressbar=True)
    with zipfile.ZipFile(archive) as source:
        files = {Path(n).name: source.read(n) for n in source.namelist() if n.endswith('.wav') and '/recordings/' in n}
    if recordings_digest(files) != expected:
        raise ValueError(f'{url}: the recordings are not those of commit 26eb9aaf')
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix('.tmp')
    with zipfile.ZipFile(temporary, 'w', zipfile.ZIP_STORED) as packed:
        for name in sorted(files):
            packed.writestr(f'recordings/{name}', files[name])
    temporary.replace(target)


def fetch_cifar10():
    """The official batches into data/cifar-10-batches-py/."""
    url, sha = CIFAR10
    archive, name = pooch.retrieve(url, known_hash=sha, path=HERE / 'cache', progressbar=True), 'cifar-10-batches-py'
    (HERE / name).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        shutil.unpack_archive(archive, folder, 'gztar', filter='data')
        for path in (Path(folder) / name).iterdir():
            path.replace(HERE / name / path.name)


SETS = {'mnist': lambda: fetch_idx('mnist'), 'fashion_mnist': lambda: fetch_idx('fashion_mnist'), 'fsdd': fetch_fsdd,
        'cifar10': fetch_cifar10}


def main(names):
    """Fetch the named sets; 0 if all are there at the end."""
    if set(names) & {'-h', '--help'}:
        print(__doc__)
        return 0
    unknown = [name for name in names if name not in SETS]
    if unknown or not names:
        print(f'name one or more of: {", ".join(SETS)}' + (f' (not {", ".join(unknown)})' if unknown else ''), file=sys.stderr)
        return 2
    failed = 0
    for name in names:
        try:
            SETS[name]()
            print(f'{name}: in {HERE}')
        except (OSError, ValueError) as error:
            failed = 1
            print(f'{name}: not fetched ({type(error).__name__}: {str(error)[:200]})', file=sys.stderr)
    return failed


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
