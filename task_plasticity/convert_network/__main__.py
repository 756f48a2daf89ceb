"""Command line of the converter: python -m task_plasticity.convert_network network_cr."""
import sys

from task_plasticity.convert_network import main

sys.exit(main())
