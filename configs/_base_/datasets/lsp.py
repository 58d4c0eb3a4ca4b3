# Leeds Sports Pose and Leeds Sports Pose Extended: 14 keypoints, in CrowdPose's order and with its OKS sigmas, so that
# models of the three fit each other. rampose convert-lsp writes the annotations.
_base_ = './crowdpose.py'

dataset_info = dict(
    dataset_name='lsp',
    paper_info=dict(
        author='Johnson, Sam and Everingham, Mark',
        title='Learning Effective Human Pose Estimation from Inaccurate Annotation',
        container='Proceedings of IEEE Conference on Computer Vision and Pattern Recognition (CVPR)',
        year='2011',
        homepage='https://github.com/sam-johnson/lsp'))
