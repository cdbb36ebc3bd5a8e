# netdisk completions for fish: asks netdisk itself, see client/complete.ts.

function __netdisk_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l token (commandline -ct)
    # A quote that is still open cannot be unescaped.
    set -l current (string unescape -- $token; or string replace -r '^["\']' '' -- $token)
    set -l lines (command netdisk complete fish $words "$current" 2>/dev/null)
    if test "$lines[1]" = local
        # As for any other program; behind a -- nothing is an option.
        set -l dashes (string match -- -- $words)[1]
        complete -C "__fish_command_without_completions $dashes $token"
    else if set -q lines[2]
        printf '%s\n' $lines[2..-1]
    end
end

complete -c netdisk -f -a '(__netdisk_complete)'
