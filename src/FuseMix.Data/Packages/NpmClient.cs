using System.ComponentModel;
using System.Diagnostics;

namespace FuseMix.Data.Packages;

/// <summary>Fetches tarballs by running the ordinary client, which knows the user's registry, proxy and cache.</summary>
internal sealed class NpmClient(string executable = "npm") : IPackageSource
{
    public async Task<string> DownloadAsync(NpmPackage package, string folder, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(OperatingSystem.IsWindows() && executable == "npm" ? "npm.cmd" : executable)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in
            (string[])["pack", package.Specification, "--loglevel=error", "--ignore-scripts", "--pack-destination", folder])
            start.ArgumentList.Add(argument);

        using var process = Start(start);
        string errors;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            errors = await process.StandardError.ReadToEndAsync(cancellation).ConfigureAwait(false);
            await output.ConfigureAwait(false);
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        if (process.ExitCode != 0) throw Failure(package, errors, process.ExitCode);
        return Directory.EnumerateFiles(folder, "*.tgz").FirstOrDefault()
            ?? throw new FuseMixException(
                FailureKind.Unavailable,
                $"npm reported success but left no tarball of '{package.Specification}'.",
                "Update npm and try again.");
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"'{start.FileName}' could not be started, and encoders and demo data come from npm packages: {e.Message}",
                "Install it, for example with 'apt-get install npm', and try again.",
                e);
        }
    }

    private static FuseMixException Failure(NpmPackage package, string errors, int exitCode)
    {
        var said = string.Join(' ', errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(4));
        bool Says(params ReadOnlySpan<string> codes)
        {
            foreach (var code in codes)
                if (errors.Contains(code, StringComparison.Ordinal)) return true;
            return false;
        }

        if (Says("E404", "ETARGET"))
            return new FuseMixException(
                FailureKind.NotFound,
                $"npm's registry has no package '{package.Specification}'.",
                "Check which registry npm is set to use: 'npm config get registry'.");
        if (Says("ENOSPC"))
            return new FuseMixException(
                FailureKind.Unavailable,
                $"The disk is full: package '{package.Specification}' could not be fetched.",
                "Free some space and run the command again.");
        if (Says("EINTEGRITY"))
            return new FuseMixException(
                FailureKind.Corrupt,
                $"Package '{package.Specification}' arrived damaged.",
                "Run 'npm cache verify' and try again.");
        if (Says("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ERR_SOCKET_TIMEOUT", "CERT"))
            return new FuseMixException(
                FailureKind.Unavailable,
                $"The network failed while package '{package.Specification}' was fetched: {said}",
                "Check the connection and npm's proxy settings, then run the command again.");
        return new FuseMixException(
            FailureKind.Unavailable,
            $"npm could not fetch package '{package.Specification}' (exit code {exitCode}): {said}",
            "Run the command again; 'npm doctor' checks npm itself.");
    }
}
