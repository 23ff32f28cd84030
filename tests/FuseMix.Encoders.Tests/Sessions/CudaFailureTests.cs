using FuseMix.Encoders.Sessions;

namespace FuseMix.Encoders.Tests.Sessions;

public sealed class CudaFailureTests
{
    [Theory]
    [InlineData("[ErrorCode:Fail] Non-zero status code returned while running Conv node. CUDA failure 700: an illegal memory access was "
        + "encountered ; GPU=0", true)]
    [InlineData("CUDNN failure 5003: CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER ; GPU=0", true)]
    [InlineData("CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0", true)]
    [InlineData("CUDA failure 2: out of memory ; GPU=0", false)]
    [InlineData("[ErrorCode:RuntimeException] Non-zero status code returned while running Gather node: idx=9 must be within the "
        + "inclusive range [-8,7]", false)]
    [InlineData("Failed to allocate memory for requested buffer of size 1073741824", false)]
    public void A_lost_device_is_told_from_a_failed_call(string message, bool isLoss) => Assert.Equal(isLoss, CudaFailure.IsLoss(message));
}
