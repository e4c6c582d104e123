# powershell completion for boxship: asks `boxship __complete` what may come next

Register-ArgumentCompleter -Native -CommandName 'boxship' -ScriptBlock {
    param($WordToComplete, $CommandAst, $CursorPosition)
    $words = @($CommandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $CursorPosition } |
        Select-Object -Skip 1 | ForEach-Object { "$_" })
    if ($WordToComplete -eq '') { $words += '' }
    $answer = @(& boxship @REQUEST@ @words 2>$null)
    if ($answer.Count -eq 0) { return }
    $prefix = ''
    $value = $WordToComplete
    if ($WordToComplete -match '^(-[^=]*=)(.*)$') { $prefix = $Matches[1]; $value = $Matches[2] }
    foreach ($line in ($answer | Select-Object -SkipLast 1)) {
        $name, $text = "$line".Split("`t", 2)
        if (-not $name.StartsWith($value)) { continue }
        if (-not $text) { $text = $name }
        [System.Management.Automation.CompletionResult]::new("$prefix$name", $name, 'ParameterValue', $text)
    }
}
