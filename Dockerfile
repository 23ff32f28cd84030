# One image for every role; docs/deploying.md says how to run it.
#   docker build --tag fusemix-silo .
#   docker build --tag fusemix-silo:gpu --build-arg VARIANT=gpu .      # encoders run on an NVIDIA GPU
ARG VARIANT=cpu
ARG DOTNET=10.0
ARG DEBIAN=bookworm-slim
ARG CUDA=13.1.1-cudnn-runtime-ubuntu24.04

FROM mcr.microsoft.com/dotnet/sdk:${DOTNET} AS build
ARG VARIANT
WORKDIR /source
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props ./
COPY src/ src/
RUN --mount=type=cache,target=/root/.nuget/packages \
    dotnet publish src/FuseMix.Silo --configuration Release --runtime linux-x64 --no-self-contained --output /app \
    -p:UseGpu=$(if [ "$VARIANT" = gpu ]; then echo true; else echo false; fi) \
    -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false -p:DebugType=none -p:GenerateDocumentationFile=false \
    # ONNX Runtime's GPU package brings 200 MB for Windows whatever is asked for.
    && rm -f /app/onnxruntime*.dll

# The .NET image is taken apart because it comes on Ubuntu only, whose oneDNN is another one than this project is tested with.
FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET} AS dotnet

FROM debian:${DEBIAN} AS cpu
# libdnnl2 multiplies matrices; the others are what .NET needs for TLS and Npgsql for Kerberos.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
       ca-certificates libdnnl2 libgssapi-krb5-2 libssl3 libstdc++6 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=dotnet /usr/share/dotnet/ /usr/share/dotnet/
# The number rather than the name is what Kubernetes can tell not to be root.
RUN groupadd --gid 1654 fusemix \
    && useradd --uid 1654 --gid 1654 --no-create-home --home-dir /var/lib/fusemix --shell /usr/sbin/nologin fusemix \
    && install --directory --owner=1654 --group=1654 /var/lib/fusemix /etc/fusemix

FROM nvidia/cuda:${CUDA} AS cuda
# What ONNX Runtime's CUDA provider loads, and no more.
RUN mkdir /cuda \
    && cd /usr/local/cuda/lib64 \
    && cp --dereference libcublas.so.13 libcublasLt.so.13 libcudart.so.13 libcufft.so.12 libcurand.so.10 libnvJitLink.so.13 \
       libnvrtc.so.13 libnvrtc-builtins.so.13.* /cuda/ \
    && cp --dereference /usr/lib/x86_64-linux-gnu/libcudnn*.so.9 /cuda/

FROM cpu AS gpu
COPY --from=cuda /cuda/ /usr/local/lib/
RUN ldconfig
# The NVIDIA container runtime adds the driver where these ask for it.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM ${VARIANT} AS silo
LABEL org.opencontainers.image.title="FuseMix.Cluster silo" \
      org.opencontainers.image.description="A node of a FuseMix cluster: extraction, training, retrieval" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /app/ /app/
ENV DOTNET_RUNNING_IN_CONTAINER=true \
    FUSEMIX__Home=/var/lib/fusemix
WORKDIR /var/lib/fusemix
USER 1654:1654
# HTTP; between silos; Orleans clients.
EXPOSE 5080 11111 30000
ENTRYPOINT ["/app/fusemix-silo"]
