"""Convert ImageNet weights of EfficientNet-Lite: the same as `mmsteal convert-backbone`."""

from mmsteal.cli.convert_backbone import main

if __name__ == '__main__':
    main()
